"""Notice of a page or dialog, with buttons for remedies."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from app.core.language import tr
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SPACING
from app.gui.widgets.button import Button
from app.gui.widgets.plain_label import PlainLabel
from app.gui.widgets.toast import NoticeKind, Toast


class NoticeBar(Toast):
    """A sentence that can be selected and copied, with buttons; hidden until shown.

    Signals:
        acted: a button was pressed; its key.
    """

    acted = Signal(str)

    def __init__(self, theme: Theme, *, parent: QWidget | None = None) -> None:
        super().__init__(theme, tr("Dismiss this notice"), parent)
        self._text = PlainLabel(wrap=True, selectable=True)
        self._buttons: list[Button] = []
        self._row = QHBoxLayout()
        self._row.setSpacing(SPACING.small)
        self._row.addStretch(1)
        self.body.addWidget(self._text)
        self.body.addLayout(self._row)

    @property
    def text(self) -> str:
        """The shown sentence."""
        return self._text.whole_text

    def show_notice(
        self,
        kind: NoticeKind,
        text: str,
        actions: Sequence[tuple[str, str]] = (),
        *,
        dismissible: bool = True,
    ) -> None:
        """Show a sentence.

        Information without buttons disappears after a few seconds, other sentences after half a
        minute, except for those that the user can't close.

        Args:
            kind: info, warning or error; spoken by screen readers.
            text: shown literally.
            actions: pairs of key and label, each a button.
            dismissible: the user can close it.
        """
        self._text.set_text(text)
        self.close_button.setVisible(dismissible)
        self._replace_buttons(actions)
        self.appear(kind, text, is_brief=kind == "info" and not actions, stays=not dismissible)

    def _replace_buttons(self, actions: Sequence[tuple[str, str]]) -> None:
        for button in self._buttons:
            self._row.removeWidget(button)
            button.hide()
            button.deleteLater()
        self._buttons = []
        for key, words in actions:
            button = Button(self._theme, words, compact=True)
            button.clicked.connect(lambda _checked=False, key=key: self.acted.emit(key))
            self._row.addWidget(button)
            self.setTabOrder(button, self.close_button)
            self._buttons.append(button)
