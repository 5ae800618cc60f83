"""Notice over the contents of a window, which moves nothing below it."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent, QKeyEvent
from PySide6.QtWidgets import QApplication, QFrame, QHBoxLayout, QVBoxLayout, QWidget

from app.core.language import tr
from app.gui.theme.icons import IconName, icon_pixmap
from app.gui.theme.restyle import restyle
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SIZE, SPACING
from app.gui.widgets.icon_button import IconButton
from app.gui.widgets.plain_label import PlainLabel
from app.gui.widgets.toast_stack import ToastStack

NoticeKind = Literal["info", "warning", "error"]

_BRIEF_MILLISECONDS = 8000
_LIFE_MILLISECONDS = 30_000


class Toast(QFrame):
    """A frame with an icon and a close button; hidden until `appear`.

    It belongs to the page or dialog that is its parent, is visible while that is, and lies in the
    `ToastStack` of its window. Without a parent it is a widget like any other.

    Signals:
        dismissed: the user closed the notice, or it disappeared.
    """

    dismissed = Signal()

    def __init__(self, theme: Theme, close_words: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._kind: NoticeKind = "info"
        self._home: QWidget | None = None
        self._picture = PlainLabel()
        self.body = QVBoxLayout()
        self.body.setSpacing(SPACING.small)
        self.close_button = IconButton(theme, "close", close_words, compact=True)
        self.close_button.clicked.connect(self._dismiss)
        # Not a stop of Tab, which goes to its buttons.
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        top = Qt.AlignmentFlag.AlignTop
        row = QHBoxLayout(self)
        row.setContentsMargins(SPACING.medium, SPACING.small, SPACING.small, SPACING.small)
        row.setSpacing(SPACING.small)
        row.addWidget(self._picture, 0, top)
        row.addLayout(self.body, 1)
        row.addWidget(self.close_button, 0, top)
        self._life = QTimer(self, singleShot=True)
        self._life.timeout.connect(self._age)
        theme.changed.connect(self._draw)
        super().setVisible(False)

    def appear(
        self, kind: NoticeKind, words: str, *, is_brief: bool = False, stays: bool = False
    ) -> None:
        """Show the notice and tell screen readers.

        It disappears after a while, unless the user points at it or is in it.

        Args:
            kind: info, warning or error.
            words: what is spoken.
            is_brief: there is nothing to press, so it disappears sooner.
            stays: it stays until it is hidden, because it shows a state.
        """
        self._kind = kind
        self.setAccessibleName(f"{self._kind_in_words()}: {words}")
        restyle(self, "notice", kind)
        self._draw()
        if self._home is None and (parent := self.parentWidget()) is not None:
            self._home = parent
            # In the stack, the notice is no longer a child of what it belongs to.
            parent.destroyed.connect(self.deleteLater)
        if self._home is None:
            self.setVisible(True)
        else:
            ToastStack.of(self._home.window()).put(self, self._home)
        self._announce()
        if stays:
            self._life.stop()
        else:
            self._life.start(_BRIEF_MILLISECONDS if is_brief else _LIFE_MILLISECONDS)

    def hide(self) -> None:
        """Hide the notice until it is shown again."""
        self._life.stop()
        if self._home is None:
            self.setVisible(False)
        else:
            ToastStack.of(self._home.window()).remove(self)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Dismiss the notice with Escape."""
        if event.key() == Qt.Key.Key_Escape and not self.close_button.isHidden():
            self._dismiss()
        else:
            super().keyPressEvent(event)

    def _announce(self) -> None:
        event = QAccessibleAnnouncementEvent(self, self.accessibleName())
        if self._kind == "error":
            event.setPoliteness(QAccessible.AnnouncementPoliteness.Assertive)
        QAccessible.updateAccessibility(event)

    def _age(self) -> None:
        focus = QApplication.focusWidget()
        is_used = self.underMouse() or (focus is not None and self.isAncestorOf(focus))
        if is_used or not self.isVisible():
            self._life.start()
        else:
            self._dismiss()

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
