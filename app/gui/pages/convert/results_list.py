"""List of the files that a conversion has made."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.core.language import tr
from app.core.sizes import format_bytes
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SPACING
from app.gui.widgets.button import Button
from app.gui.widgets.plain_label import PlainLabel


class ResultsList(QWidget):
    """Shows the path and size of each file; of several models, each has a button to chat with it.

    Signals:
        chat_requested: the path of a model.
    """

    chat_requested = Signal(str)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._rows: list[QWidget] = []
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(SPACING.small)

    def show_files(self, paths: list[str], levels: Mapping[str, str]) -> None:
        """Show these files in place of the last ones; `levels` are those of models, by path."""
        for row in self._rows:
            row.hide()
            row.deleteLater()
        self._rows = [self._row(path, levels) for path in paths]
        for row in self._rows:
            self._column.addWidget(row)
        self.setVisible(bool(paths))

    def _row(self, path: str, levels: Mapping[str, str]) -> QWidget:
        row = QWidget()
        line = QHBoxLayout(row)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(SPACING.medium)
        name = PlainLabel(path, elide=True, selectable=True)
        line.addWidget(name, 1)
        line.addWidget(PlainLabel(_size_of(path), "muted", tabular=True))
        if path in levels and len(levels) > 1:
            chat = Button(self._theme, tr("Chat"), "quiet", icon_name="chat", compact=True)
            chat.setAccessibleName(tr("Chat with {level}", level=levels[path]))
            chat.clicked.connect(lambda: self.chat_requested.emit(path))
            line.addWidget(chat)
        return row


def _size_of(path: str) -> str:
    try:
        return format_bytes(Path(path).stat().st_size)
    except OSError:
        return ""
