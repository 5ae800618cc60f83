"""Notice on a page, with buttons for remedies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QWidget

from app.core.language import tr
from app.gui.theme.icons import IconName, icon_pixmap
from app.gui.theme.restyle import restyle
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SIZE, SPACING
from app.gui.widgets.button import Button
from app.gui.widgets.icon_button import IconButton
from app.gui.widgets.plain_label import PlainLabel

NoticeKind = Literal["info", "warning", "error"]


class NoticeBar(QFrame):
    """A sentence that can be selected and copied, with buttons; hidden until shown.

    Signals:
        acted: a button was pressed; its key.
        dismissed: the user closed the notice.
    """

    acted = Signal(str)
    dismissed = Signal()

    def __init__(self, theme: Theme, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._kind: NoticeKind = "info"
        self._picture = PlainLabel()
        self._text = PlainLabel(wrap=True, selectable=True)
        self._buttons: list[Button] = []
        self._close = IconButton(theme, "close", tr("Dismiss this notice"), compact=True)
        self._close.clicked.connect(self._dismiss)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(SPACING.medium, SPACING.small, SPACING.small, SPACING.small)
        self._row.setSpacing(SPACING.small)
        self._row.addWidget(self._picture, 0, Qt.AlignmentFlag.AlignVCenter)
        self._row.addWidget(self._text, 1)
        self._row.addWidget(self._close, 0, Qt.AlignmentFlag.AlignVCenter)
        theme.changed.connect(self._draw)
        self.hide()

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

        Args:
            kind: info, warning or error; spoken by screen readers.
            text: shown literally.
            actions: pairs of key and label, each a button.
            dismissible: the user can close it.
        """
        self._kind = kind
        self._text.set_text(text)
        self.setAccessibleName(f"{self._kind_in_words()}: {text}")
        self._close.setVisible(dismissible)
        self._replace_buttons(actions)
        restyle(self, "notice", kind)
        self._draw()
        self.show()

    def _replace_buttons(self, actions: Sequence[tuple[str, str]]) -> None:
        for button in self._buttons:
            self._row.removeWidget(button)
            button.hide()
            button.deleteLater()
        self._buttons = []
        for key, words in actions:
            button = Button(self._theme, words, compact=True)
            button.clicked.connect(lambda _checked=False, key=key: self.acted.emit(key))
            self._row.insertWidget(self._row.count() - 1, button, 0, Qt.AlignmentFlag.AlignVCenter)
            self._buttons.append(button)

    def _dismiss(self) -> None:
        self.hide()
        self.dismissed.emit()

    def _kind_in_words(self) -> str:
        return {
            "info": tr("Note"),
            "warning": tr("Warning"),
            "error": tr("Error"),
        }[self._kind]

    def _draw(self) -> None:
        colors = self._theme.colors
        drawn: dict[NoticeKind, tuple[IconName, str]] = {
            "info": ("info", colors.muted),
            "warning": ("warning", colors.warning),
            "error": ("error", colors.danger),
        }
        name, color = drawn[self._kind]
        scale = self.devicePixelRatio()
        self._picture.setPixmap(icon_pixmap(name, color, SIZE.icon, scale))
