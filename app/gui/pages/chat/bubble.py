"""Show what the user wrote, as it was written; a long paste is folded."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFontMetricsF
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from app.core.language import tr
from app.gui.markdown.prose import ProseView
from app.gui.markdown.visible import break_long_lines
from app.gui.theme.fonts import text_font
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import LINE_HEIGHT_PERCENT, SPACING
from app.gui.widgets.button import Button
from app.gui.widgets.plain_label import PlainLabel

_LONG_LINES = 16
_LONG_TEXT = 1_600
_FOLDED_LINES = 12
_FOLDED_TEXT = 1_200
# Qt lays out this much in a third of a second.
_MAX_SHOWN = 200_000


class Bubble(QWidget):
    """Plain text in a bubble on the right; long text is folded, with a button to unfold it.

    Args:
        theme: colors.
        actions: shown beside the bubble.

    Signals:
        unfolded: the user wants to read all of a long text, from where it was folded.
    """

    unfolded = Signal()

    def __init__(self, theme: Theme, actions: QWidget, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._text = ""
        self._is_open = False
        self._prose = ProseView(theme)
        self._prose.setAccessibleName(tr("Your message"))
        self._rest = PlainLabel("", "caption", elide=True)
        self._unfold = Button(theme, "", "link", compact=True)
        self._unfold.clicked.connect(self._turn)
        self._arrange(actions)

    @property
    def text(self) -> str:
        """The exact text."""
        return self._text

    def set_text(self, text: str) -> None:
        """Replace the text."""
        self._text, self._is_open = text, False
        self._show()

    def _turn(self) -> None:
        self._is_open = not self._is_open
        if self._is_open:
            self.unfolded.emit()
        self._show()

    def _show(self) -> None:
        folded = _folded(self._text)
        shown = self._text[:_MAX_SHOWN] if self._is_open else folded
        self._prose.show_plain(break_long_lines(shown))
        self._show_rest(len(self._text) - len(shown))
        self._unfold.set_text(tr("Show less") if self._is_open else tr("Show all"))
        self._fold_row.setVisible(folded != self._text)

    def _show_rest(self, left_out: int) -> None:
        count = f"{left_out:,}"
        if not left_out:
            words = ""
        elif self._is_open:
            words = tr("{count} more characters; Copy includes them", count=count)
        else:
            words = tr("{count} more characters", count=count)
        self._rest.set_text(words)

    def _arrange(self, actions: QWidget) -> None:
        frame = QFrame()
        frame.setProperty("role", "bubble")
        inside = QVBoxLayout(frame)
        side = SPACING.medium
        inside.setContentsMargins(side, side, side, _bottom_margin())
        inside.addWidget(self._prose)
        line = QHBoxLayout()
        line.setSpacing(SPACING.tiny)
        line.addStretch(1)
        line.addWidget(actions, 0, Qt.AlignmentFlag.AlignBottom)
        line.addWidget(frame, 0)
        self._fold_row = QWidget()
        fold = QHBoxLayout(self._fold_row)
        fold.setContentsMargins(0, 0, 0, 0)
        fold.addStretch(1)
        fold.addWidget(self._rest)
        fold.addWidget(self._unfold)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACING.tiny)
        column.addLayout(line)
        column.addWidget(self._fold_row)


def _bottom_margin() -> int:
    """Return the margin with which letters are in the middle: each line has space below it."""
    metrics = QFontMetricsF(text_font("body"))
    above = metrics.ascent() - metrics.capHeight()
    below = metrics.descent() + metrics.height() * (LINE_HEIGHT_PERCENT / 100 - 1)
    return max(0, int(SPACING.medium + above - below))


def _folded(text: str) -> str:
    """Return the beginning of a long text; a shorter one as it is."""
    lines = text[:_LONG_TEXT].split("\n", _LONG_LINES)
    if len(text) <= _LONG_TEXT and len(lines) <= _LONG_LINES:
        return text
    return "\n".join(lines[:_FOLDED_LINES])[:_FOLDED_TEXT].rstrip()
