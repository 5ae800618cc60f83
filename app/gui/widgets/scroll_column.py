"""Column of widgets that scrolls if they don't fit."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, QTimer
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from app.gui.theme.tokens import SPACING


class ScrollColumn(QScrollArea):
    """Widgets go into `column`; the scroll bar takes no space while all of them fit.

    Args:
        most_width: how wide the column gets, in the middle of the view; None for the whole view.
    """

    def __init__(self, most_width: int | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        contents = _Contents()
        contents.setProperty("role", "scrolled")
        if most_width is not None:
            contents.setMaximumWidth(most_width)
            self.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.column = QVBoxLayout(contents)
        self.column.setContentsMargins(0, 0, 0, 0)
        self.column.setSpacing(SPACING.large)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setWidget(contents)
        self.verticalScrollBar().rangeChanged.connect(self._keep_distance)

    def reveal(self, widget: QWidget) -> None:
        """Scroll to a widget that has just been shown or has grown."""
        # Its position is known only after the layout.
        QTimer.singleShot(0, self, lambda: self._scroll_to(widget))

    def _scroll_to(self, widget: QWidget) -> None:
        self.ensureWidgetVisible(widget, 0, SPACING.small)

    def _keep_distance(self, least: int, most: int) -> None:
        gap = SPACING.small if most > least else 0
        if self.column.contentsMargins().right() != gap:
            self.column.setContentsMargins(0, 0, gap, 0)


class _Contents(QWidget):
    """Is as high as its layout needs at its real width."""

    def minimumSizeHint(self) -> QSize:
        """Leave the height to `heightForWidth`: the layout's minimum is that of its least width."""
        hint = super().minimumSizeHint()
        return QSize(hint.width(), 0) if self.hasHeightForWidth() else hint
