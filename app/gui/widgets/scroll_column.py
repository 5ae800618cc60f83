"""Column of widgets that scrolls if they don't fit."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QRect, QSize, Qt, QTimer
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from app.gui.theme.tokens import SPACING

_SETTLING_MILLISECONDS = 500


class ScrollColumn(QScrollArea):
    """Widgets go into `column`; the scroll bar takes no space while all of them fit.

    Args:
        most_width: how wide the column gets, in the middle of the view; None for the whole view.
    """

    def __init__(self, most_width: int | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._contents = contents = _Contents()
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
        self._wanted: tuple[QWidget, Callable[[], QRect]] | None = None
        # While the layout settles, what is above the part may still grow or shrink.
        self._settling = QTimer(self, singleShot=True, interval=_SETTLING_MILLISECONDS)
        self._settling.timeout.connect(self._forget_wanted)
        self.verticalScrollBar().actionTriggered.connect(self._forget_wanted)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setWidget(contents)
        self.verticalScrollBar().rangeChanged.connect(self._keep_distance)

    def reveal(self, widget: QWidget) -> None:
        """Scroll to a widget that has just been shown or has grown."""
        # Its position is known only after the layout.
        QTimer.singleShot(0, self, lambda: self.ensureWidgetVisible(widget, 0, SPACING.small))

    def reveal_part(self, widget: QWidget, place_of_part: Callable[[], QRect]) -> None:
        """Scroll to a part of a widget, such as a row; its place is asked for after the layout."""
        self._wanted = (widget, place_of_part)
        self._settling.start()
        QTimer.singleShot(0, self, self._scroll_to_wanted)

    def _forget_wanted(self) -> None:
        self._wanted = None

    def _scroll_to_wanted(self) -> None:
        if self._wanted is None:
            return
        widget, place_of_part = self._wanted
        part = place_of_part()
        center = widget.mapTo(self._contents, part.center())
        self.ensureVisible(center.x(), center.y(), 0, part.height() // 2)

    def _keep_distance(self, minimum: int, maximum: int) -> None:
        gap = SPACING.small if maximum > minimum else 0
        if self.column.contentsMargins().right() != gap:
            self.column.setContentsMargins(0, 0, gap, 0)
        self._scroll_to_wanted()


class _Contents(QWidget):
    """Is as high as its layout needs at its real width."""

    def minimumSizeHint(self) -> QSize:
        """Leave the height to `heightForWidth`; the layout assumes its minimum width."""
        hint = super().minimumSizeHint()
        return QSize(hint.width(), 0) if self.hasHeightForWidth() else hint
