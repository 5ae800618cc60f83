"""Card that says that llama.cpp's converter is missing, with a button that downloads it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QWidget

from app.core.language import tr
from app.gui.theme.theme import Theme
from app.gui.widgets.button import Button
from app.gui.widgets.card import Card
from app.gui.widgets.plain_label import PlainLabel


class ConverterCard(Card):
    """Hidden while nothing is missing.

    Signals:
        wanted: the user wants to download the converter.
    """

    wanted = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent=parent)
        self.words = PlainLabel("", wrap=True, selectable=True)
        self.button = Button(theme, tr("Download the converter"), "primary", icon_name="download")
        self.add(self.words)
        self._column.addWidget(self.button, 0, Qt.AlignmentFlag.AlignLeft)
        self.button.clicked.connect(self.wanted)
        self.hide()

    def show_missing(self, sentence: str) -> None:
        """Say what is missing, or why it could not be downloaded."""
        self.words.set_text(sentence)
        self.button.setEnabled(True)
        self.show()

    def show_busy(self, words: str) -> None:
        """Say that the download is running."""
        self.words.set_text(words)
        self.button.setEnabled(False)
        self.show()
