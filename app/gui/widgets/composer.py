"""Input for a message."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPlainTextEdit, QSizePolicy, QWidget

from app.core.language import tr
from app.gui.theme.restyle import restyle
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SPACING
from app.gui.widgets.icon_button import IconButton

_MAX_LINES = 8
_RETURN_KEYS = (Qt.Key.Key_Return, Qt.Key.Key_Enter)


class Composer(QFrame):
    """A field that grows to eight lines, and a button: Send, or Stop during a reply.

    Enter sends, Shift+Enter starts a new line. The draft stays until it is sent, even while a reply
    is being written or no model is available.

    Signals:
        sent: the message without surrounding spaces; the field is then empty.
        stopped: the user wants to stop the reply.
        text_changed: the draft changed.
    """

    sent = Signal(str)
    stopped = Signal()
    text_changed = Signal()

    def __init__(self, theme: Theme, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "composer")
        self._is_replying = False
        self._hint = ""
        self._field = _Field()
        self._field.setAccessibleName(tr("Message"))
        self._button = IconButton(theme, "send", tr("Send"), "primary")
        row = QHBoxLayout(self)
        row.setContentsMargins(SPACING.small, SPACING.tiny, SPACING.tiny, SPACING.tiny)
        row.setSpacing(SPACING.small)
        row.addWidget(self._field, 1)
        row.addWidget(self._button, 0, Qt.AlignmentFlag.AlignBottom)
        self.setFocusProxy(self._field)
        self._field.entered.connect(self._send)
        self._field.focused.connect(self._show_focus)
        self._field.textChanged.connect(self._update)
        self._field.textChanged.connect(self.text_changed)
        self._button.clicked.connect(self._press)
        self.set_available(True)

    @property
    def text(self) -> str:
        """The exact draft."""
        return self._field.toPlainText()

    def set_text(self, text: str) -> None:
        """Replace the draft."""
        self._field.setPlainText(text)
        self._field.moveCursor(self._field.textCursor().MoveOperation.End)

    def type_text(self, text: str) -> None:
        """Take the focus, and insert text that was typed elsewhere."""
        self._field.setFocus()
        self._field.insertPlainText(text)

    def set_replying(self, is_replying: bool) -> None:  # noqa: FBT001 - a property's value
        """Switch the button between Send and Stop."""
        self._is_replying = is_replying
        if is_replying:
            self._button.set_action("stop", tr("Stop"))
        else:
            self._button.set_action("send", tr("Send"))
        self._update()

    def set_available(self, is_available: bool, hint: str = "") -> None:  # noqa: FBT001 - a property's value
        """Set whether messages can be sent.

        Args:
            is_available: False if nothing can be sent; a draft can still be written.
            hint: shown in the empty field, for example "Load a model to chat".
        """
        self._can_send = is_available
        self._field.setPlaceholderText(hint or tr("Write a message"))
        self._field.setAccessibleDescription(hint)
        restyle(self, "off", not is_available)
        self._update()

    def _update(self) -> None:
        has_words = bool(self.text.strip())
        self._button.setEnabled(self._is_replying or (self._can_send and has_words))

    def _press(self) -> None:
        if self._is_replying:
            self.stopped.emit()
        else:
            self._send()

    def _send(self) -> None:
        message = self.text.strip()
        if message and self._can_send and not self._is_replying:
            self._field.clear()
            self.sent.emit(message)

    def _show_focus(self, has_focus: bool) -> None:  # noqa: FBT001 - a signal's value
        restyle(self, "active", has_focus)


class _Field(QPlainTextEdit):
    entered = Signal()
    focused = Signal(bool)

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "bare")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setTabChangesFocus(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.document().setDocumentMargin(SPACING.small)
        self.textChanged.connect(self._fit)
        self._fit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Send on Enter, break the line on Shift+Enter."""
        is_return = event.key() in _RETURN_KEYS
        if is_return and not event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self.entered.emit()
        elif is_return:
            # Qt would insert a line separator, which is no line feed.
            self.insertPlainText("\n")
        else:
            super().keyPressEvent(event)

    def sizeHint(self) -> QSize:
        """Return the height of the lines."""
        return QSize(super().sizeHint().width(), self.height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Adapt the height to the new line breaks."""
        super().resizeEvent(event)
        self._fit()

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show the focus on the frame."""
        super().focusInEvent(event)
        self.focused.emit(True)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Show the focus on the frame."""
        super().focusOutEvent(event)
        self.focused.emit(False)

    def _fit(self) -> None:
        wanted = round(self.document().size().height())
        lines = max(1, min(_MAX_LINES, wanted))
        self.setFixedHeight(lines * self.fontMetrics().lineSpacing() + 2 * SPACING.small)
        is_full = wanted > _MAX_LINES
        self.setVerticalScrollBarPolicy(
            Qt.ScrollBarPolicy.ScrollBarAsNeeded
            if is_full
            else Qt.ScrollBarPolicy.ScrollBarAlwaysOff
        )
        if not is_full:
            self.verticalScrollBar().setValue(0)
