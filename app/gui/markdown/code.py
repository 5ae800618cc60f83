"""Code block of a message: language, copy button, colors, marked hidden characters."""

from __future__ import annotations

import math

from PySide6.QtCore import QMimeData, Qt, QTimer
from PySide6.QtGui import QTextOption, QWheelEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from app.core.language import tr
from app.gui.markdown.highlighter import Highlighter
from app.gui.markdown.visible import VisibleText, make_visible
from app.gui.markdown.wheel import SidewaysBar, is_sideways
from app.gui.theme.fonts import code_font
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SIZE, SPACING
from app.gui.widgets.copy_button import CopyButton
from app.gui.widgets.plain_label import PlainLabel

_INSTANTLY_HIGHLIGHTED = 3_000
_REST_MILLISECONDS = 150
_MAX_SHOWN = 100_000


class CodeBlock(QFrame):
    """Source code with a header; grows with its lines and scrolls sideways."""

    def __init__(self, theme: Theme, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "code")
        self._theme = theme
        self._language, self._exact = "", ""
        self._name = PlainLabel("", "caption", elide=True)
        self._warning = PlainLabel("", "caption", elide=True)
        self._warning.set_tone("danger")
        self._copy = CopyButton(theme, tr("Copy code"), lambda: self._exact)
        self._area = _CodeArea()
        self._highlighter = Highlighter(self._area.document(), theme.colors)
        # Long code is colored when it stops growing: each streamed piece would recolor all of it.
        self._rest = QTimer(self, singleShot=True, interval=_REST_MILLISECONDS)
        self._rest.timeout.connect(self._color)
        self._arrange()
        theme.changed.connect(self._recolor)

    @property
    def text(self) -> str:
        """The exact text."""
        return self._exact

    def show_code(self, language: str, text: str) -> None:
        """Show `text`, in one color if its language is unknown."""
        if (language, text) == (self._language, self._exact):
            return
        self._language, self._exact = language, text
        if text[:_MAX_SHOWN] != self._area.visible_text.exact_text:
            self._area.show_text(make_visible(text[:_MAX_SHOWN]))
        self._name.set_text(language or tr("code"))
        self._area.setAccessibleName(tr("Code: {language}", language=language))
        self._warn(len(self._area.visible_text.marks), len(text) - _MAX_SHOWN)
        if len(text) <= _INSTANTLY_HIGHLIGHTED:
            self._color()
        else:
            self._rest.start()

    def _arrange(self) -> None:
        header = QHBoxLayout()
        header.setContentsMargins(SPACING.medium, SPACING.tiny, SPACING.tiny, 0)
        header.addWidget(self._name)
        header.addSpacing(SPACING.small)
        header.addWidget(self._warning)
        header.addStretch()
        header.addWidget(self._copy)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(header)
        column.addWidget(self._area)

    def _warn(self, hidden: int, left_out: int) -> None:
        if left_out > 0:
            words = tr("{count} more characters, not shown", count=f"{left_out:,}")
        elif hidden:
            words = tr("Hidden characters: {count}", count=f"{hidden:,}")
        else:
            words = ""
        self._warning.set_text(words)
        self._warning.setVisible(bool(words))

    def _color(self) -> None:
        visible = self._area.visible_text
        self._highlighter.show_colors(visible.shown, self._language, visible.marks)

    def _recolor(self) -> None:
        self._highlighter.set_colors(self._theme.colors)
        self._color()


class _CodeArea(QPlainTextEdit):
    """The lines, without vertical scrolling; copying gives the exact text."""

    def __init__(self) -> None:
        super().__init__()
        self.visible_text: VisibleText = make_visible("")
        self.setProperty("role", "code")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setReadOnly(True)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.setTabChangesFocus(True)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setUndoRedoEnabled(False)
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.setWordWrapMode(QTextOption.WrapMode.NoWrap)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFont(code_font())
        self.setTabStopDistance(4 * self.fontMetrics().horizontalAdvance(" "))
        self.document().setDocumentMargin(SPACING.medium)
        SidewaysBar(self)
        self.horizontalScrollBar().rangeChanged.connect(self._on_range)
        # Code reads from left to right in every language.
        self.setLayoutDirection(Qt.LayoutDirection.LeftToRight)

    def _on_range(self, least: int, most: int) -> None:
        # Lines that are cut can be scrolled with the arrow keys.
        scrolls = most > least
        strong, click = Qt.FocusPolicy.StrongFocus, Qt.FocusPolicy.ClickFocus
        self.setFocusPolicy(strong if scrolls else click)
        self._fit()

    def show_text(self, visible: VisibleText) -> None:
        """Show the lines; if they only grew, append the new ones."""
        old, self.visible_text = self.visible_text.shown, visible
        if old and visible.shown.startswith(old):
            cursor = self.textCursor()
            cursor.movePosition(cursor.MoveOperation.End)
            cursor.insertText(visible.shown[len(old) :])
        else:
            self.setPlainText(visible.shown)
        self._fit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Scroll sideways here; leave vertical scrolling to the page."""
        if is_sideways(event):
            super().wheelEvent(event)
        else:
            event.ignore()

    def createMimeDataFromSelection(self) -> QMimeData:
        """Return the exact text of the selection."""
        cursor = self.textCursor()
        units = self.visible_text.shown.encode("utf-16-le", "surrogatepass")
        begin, end = (
            len(units[: 2 * place].decode("utf-16-le", "surrogatepass"))
            for place in (cursor.selectionStart(), cursor.selectionEnd())
        )
        data = QMimeData()
        data.setText(self.visible_text.exact(begin, end))
        return data

    def _fit(self) -> None:
        margin = self.document().documentMargin()
        line = self.blockBoundingRect(self.document().firstBlock()).height()
        if self.blockCount() == 1:
            # The last line includes the margin below it.
            line -= margin
        height = math.ceil(self.blockCount() * line + 2 * margin) + SIZE.hairline
        if self.horizontalScrollBar().maximum():
            height += SIZE.scroll_bar
        self.setFixedHeight(height)
