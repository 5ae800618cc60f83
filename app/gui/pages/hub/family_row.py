"""Row of links to the models that a repository belongs to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from app.core.language import tr
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SPACING
from app.gui.widgets.eliding_button import ElidingButton
from app.gui.widgets.plain_label import PlainLabel

_MOST_BASES = 2


class FamilyRow(QWidget):
    """The base models, and the number of quantizations of this one; hidden without either.

    Signals:
        base_requested: the name of a base model whose page to open.
        quantized_requested: the user wants to see the quantizations.
    """

    base_requested = Signal(str)
    quantized_requested = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.buttons: list[ElidingButton] = []
        self._label = PlainLabel(tr("Base model"), "muted")
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(SPACING.small)
        self._row.addWidget(self._label)
        self._row.addStretch(1)

    def show_family(self, bases: Sequence[str], quantized: int) -> None:
        """Show the links."""
        for button in self.buttons:
            self._row.removeWidget(button)
            button.hide()
            button.deleteLater()
        self.buttons = []
        self._label.setVisible(bool(bases))
        for base in bases[:_MOST_BASES]:
            self._add(base, partial(self.base_requested.emit, base))
        if quantized:
            words = tr("Quantizations: {count}", count=f"{quantized:,}")
            self._add(words, self.quantized_requested.emit)
        self.setVisible(bool(self.buttons))

    def _add(self, words: str, act: Callable[[], None]) -> None:
        button = ElidingButton(self._theme, words, "link")
        button.clicked.connect(lambda _checked=False: act())
        # The last item is the stretch.
        self._row.insertWidget(self._row.count() - 1, button)
        self.buttons.append(button)
