"""Label that shows its text literally: names from models are never markup."""

from __future__ import annotations

import math
from typing import Literal

from PySide6.QtCore import QEvent, QPointF, QSize, Qt
from PySide6.QtGui import (
    QClipboard,
    QContextMenuEvent,
    QFontMetricsF,
    QGuiApplication,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import QLabel, QMenu, QSizePolicy, QWidget

from app.core.language import tr
from app.gui.theme.fonts import TextRole, text_font
from app.gui.theme.restyle import restyle
from app.gui.widgets.paragraph import Paragraph
from app.gui.widgets.plain_text import breakable, plain_tool_tip, unbroken

Tone = Literal["plain", "danger", "success", "warning", "accent"]


class PlainLabel(QLabel):
    """Text in a role of the type scale.

    Args:
        text: shown literally.
        role: display, title, heading, body, muted or caption.
        wrap: break lines at the label's width, and words that are longer than a line.
        elide: end in an ellipsis if the text doesn't fit; the tool tip then has all of it.
        tabular: digits of one width, aligned to the right, for figures below each other.
        selectable: let the user select and copy the text.
    """

    def __init__(
        self,
        text: str = "",
        role: TextRole = "body",
        *,
        wrap: bool = False,
        elide: bool = False,
        tabular: bool = False,
        selectable: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._elides = elide
        # A selection is drawn by the label itself, in its own lines.
        self._is_spaced = wrap and role == "caption" and not selectable
        self._whole_text, self._kept = text, ""
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setFont(text_font(role, tabular=tabular))
        self.setProperty("text_role", role)
        self.setWordWrap(wrap)
        if wrap:
            self._keep_wrapped_height()
        if elide:
            self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        if tabular:
            self.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        if selectable:
            self.setTextInteractionFlags(
                Qt.TextInteractionFlag.TextSelectableByMouse
                | Qt.TextInteractionFlag.TextSelectableByKeyboard,
            )
        self.set_text(text)

    @property
    def whole_text(self) -> str:
        """The whole text, even if it is elided."""
        return self._whole_text

    def set_text(self, text: str, *, kept: str = "") -> None:
        """Show `text` literally; if it doesn't fit, its end `kept` stays as long as it can."""
        self._whole_text, self._kept = text, kept
        self.setAccessibleName(text)
        if self._elides:
            self._elide()
            self.updateGeometry()
        else:
            self.setText(breakable(text) if self.wordWrap() else text)

    def set_tone(self, tone: Tone) -> None:
        """Color the text, which must be understandable without the color."""
        restyle(self, "tone", tone)

    def minimumSizeHint(self) -> QSize:
        """Return the width of the ellipsis for an eliding label."""
        hint = super().minimumSizeHint()
        if self._is_spaced:
            # Layouts ask for the height at their width; at the least width it is far too large.
            return QSize(hint.width(), self.fontMetrics().lineSpacing())
        return QSize(0, hint.height()) if self._elides else hint

    def sizeHint(self) -> QSize:
        """Return the size of the whole text."""
        hint = super().sizeHint()
        if self._is_spaced:
            return QSize(hint.width(), self.heightForWidth(hint.width()))
        if not self._elides:
            return hint
        # Rounding down would cut the last word although it fits.
        width = QFontMetricsF(self.font()).horizontalAdvance(self._whole_text)
        return QSize(math.ceil(width), hint.height())

    def heightForWidth(self, width: int) -> int:
        """Return the height with room between the lines of a caption."""
        if not self._is_spaced:
            return super().heightForWidth(width)
        return math.ceil(Paragraph(self.text(), self.font(), width).height)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw a caption with room between its lines."""
        if not self._is_spaced:
            super().paintEvent(event)
            return
        painter = QPainter(self)
        painter.setPen(self.palette().color(self.foregroundRole()))
        paragraph = Paragraph(self.text(), self.font(), self.width())
        paragraph.draw(painter, QPointF(0, max(0.0, (self.height() - paragraph.height) / 2)))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the text to the new width."""
        super().resizeEvent(event)
        if self._elides:
            self._elide()

    def changeEvent(self, event: QEvent) -> None:
        """Fit the text to a new font."""
        super().changeEvent(event)
        if self._elides and event.type() == QEvent.Type.FontChange:
            self._elide()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Copy the selected text as it was set."""
        if event.matches(QKeySequence.StandardKey.Copy) and self.hasSelectedText():
            self._copy()
        else:
            super().keyPressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Put the selected text as it was set into the selection clipboard, where there is one."""
        super().mouseReleaseEvent(event)
        if self.hasSelectedText() and QGuiApplication.clipboard().supportsSelection():
            self._copy(QClipboard.Mode.Selection)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Offer to copy."""
        if not self.textInteractionFlags() & Qt.TextInteractionFlag.TextSelectableByMouse:
            super().contextMenuEvent(event)
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        copy = menu.addAction(tr("Copy"), self._copy)
        copy.setEnabled(self.hasSelectedText())
        menu.addAction(tr("Select all"), lambda: self.setSelection(0, len(self.text())))
        menu.popup(event.globalPos())

    def _copy(self, mode: QClipboard.Mode = QClipboard.Mode.Clipboard) -> None:
        QGuiApplication.clipboard().setText(unbroken(self.selectedText()), mode)

    def _elide(self) -> None:
        one_line = " ".join(self._whole_text.splitlines())
        shown = self._fitted(one_line)
        if shown != self.text():
            self.setText(shown)
        self.setToolTip("" if shown == one_line else plain_tool_tip(self._whole_text))

    def _fitted(self, line: str) -> str:
        metrics, right = self.fontMetrics(), Qt.TextElideMode.ElideRight
        room = self.width() - metrics.horizontalAdvance(self._kept)
        if not self._kept or metrics.horizontalAdvance(line) <= self.width():
            return metrics.elidedText(line, right, self.width())
        if room < metrics.horizontalAdvance("m…"):
            return metrics.elidedText(self._kept.strip(), right, self.width())
        return metrics.elidedText(line.removesuffix(self._kept), right, room) + self._kept

    def _keep_wrapped_height(self) -> None:
        policy = self.sizePolicy()
        policy.setHeightForWidth(True)
        policy.setVerticalPolicy(QSizePolicy.Policy.Minimum)
        self.setSizePolicy(policy)
