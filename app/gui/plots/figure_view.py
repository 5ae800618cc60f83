"""A plot in a window: the pointer and the arrow keys show exact values."""

from __future__ import annotations

import math

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, QSizeF, Qt
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.gui.plots.figure import Figure, Target
from app.gui.plots.plot_ink import line_height, width_of, write
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SIZE, SMALL_RADIUS, SPACING

_STEPS = {
    Qt.Key.Key_Left: -1,
    Qt.Key.Key_Up: -1,
    Qt.Key.Key_Right: 1,
    Qt.Key.Key_Down: 1,
}


class FigureView(QWidget):
    """Shows one figure, scaled to its width; without one it is empty."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.figure: Figure | None = None
        self._current: int | None = None
        self._hovered: int | None = None
        self._is_by_mouse = False
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setMinimumWidth(SIZE.side)
        theme.changed.connect(self.update)

    @property
    def shown_words(self) -> tuple[str, ...]:
        """The exact values that are shown now, a line each."""
        target = self._shown_target()
        return target.words if target else ()

    def show_figure(self, figure: Figure) -> None:
        """Show another figure."""
        self.figure = figure
        self._hovered = self._current = None
        self.setAccessibleName(figure.name)
        self._describe()
        self.updateGeometry()
        self.update()

    def hasHeightForWidth(self) -> bool:
        """Its height follows from its width."""
        return True

    def heightForWidth(self, width: int) -> int:
        """Return the height that suits the figure at a width."""
        if self.figure is None:
            return 0
        return math.ceil(self.figure.height_for(width))

    def sizeHint(self) -> QSize:
        """Return a usual size."""
        return QSize(SIZE.narrow, self.heightForWidth(SIZE.narrow))

    def target_place(self, index: int) -> QRectF:
        """Return where a target lies in the widget."""
        return self._targets()[index].place

    def paintEvent(self, _: QPaintEvent) -> None:
        """Draw the figure, and the values of the target that is pointed at."""
        if self.figure is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self.figure.draw(painter, self._size(), self._theme.colors)
        if target := self._shown_target():
            self._draw_values(painter, target)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Show the values below the pointer."""
        self._hover(self._index_at(event.position()))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Let the arrow keys go on from here."""
        index = self._index_at(event.position())
        if index is not None:
            self._go_to(index)

    def leaveEvent(self, event: QEvent) -> None:
        """Show no values any more."""
        super().leaveEvent(event)
        self._hover(None)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show the values of a target to whoever comes by keyboard."""
        super().focusInEvent(event)
        self._is_by_mouse = event.reason() == Qt.FocusReason.MouseFocusReason
        if self._current is None and not self._is_by_mouse and self._targets():
            self._go_to(0)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Hide the values."""
        super().focusOutEvent(event)
        self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Go from target to target."""
        count = len(self._targets())
        step = _STEPS.get(Qt.Key(event.key()))
        ends = {Qt.Key.Key_Home: 0, Qt.Key.Key_End: count - 1}
        if not count or (step is None and event.key() not in ends):
            super().keyPressEvent(event)
            return
        if step is None:
            index = ends[Qt.Key(event.key())]
        elif self._current is None:
            index = 0
        else:
            index = min(count - 1, max(0, self._current + step))
        self._is_by_mouse, self._hovered = False, None
        self._go_to(index)

    def _go_to(self, index: int) -> None:
        self._current = index
        self._describe()
        self.update()

    def _hover(self, index: int | None) -> None:
        if index != self._hovered:
            self._hovered = index
            self.update()

    def _describe(self) -> None:
        """Tell a screen reader the values of the target in focus, or else of all."""
        targets = self._targets()
        chosen = targets if self._current is None else [targets[self._current]]
        self.setAccessibleDescription("; ".join(", ".join(one.words) for one in chosen))

    def _shown_target(self) -> Target | None:
        targets = self._targets()
        index = self._hovered
        if index is None and self.hasFocus():
            index = self._current
        return targets[index] if index is not None and index < len(targets) else None

    def _targets(self) -> list[Target]:
        return self.figure.targets(self._size()) if self.figure else []

    def _size(self) -> QSizeF:
        return QSizeF(self.size())

    def _index_at(self, position: QPointF) -> int | None:
        """Return the target whose middle is nearest, of those below the pointer."""
        hit = [
            ((target.place.center() - position).manhattanLength(), index)
            for index, target in enumerate(self._targets())
            if target.place.contains(position)
        ]
        return min(hit)[1] if hit else None

    def _draw_values(self, painter: QPainter, target: Target) -> None:
        """Draw a box with the values beside a target, within the figure."""
        colors, size = self._theme.colors, self._size()
        # The target with the ring is the one that has the focus.
        inset = SIZE.focus / 2
        ring = target.place.adjusted(inset, inset, -inset, -inset)
        radius = ring.height() / 2 if ring.width() == ring.height() else SMALL_RADIUS
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(colors.accent), SIZE.focus))
        painter.drawRoundedRect(ring, radius, radius)
        width = max(map(width_of, target.words)) + 2 * SPACING.small
        height = len(target.words) * line_height() + 2 * SPACING.tiny
        middle = target.place.center()
        left = middle.x() + SPACING.large
        if left + width > size.width():
            left = max(0.0, middle.x() - SPACING.large - width)
        top = max(0.0, min(middle.y() - height - SPACING.small, size.height() - height))
        box = QRectF(left, top, min(width, size.width()), height)
        painter.setPen(QPen(QColor(colors.outline), SIZE.hairline))
        painter.setBrush(QColor(colors.surface))
        painter.drawRoundedRect(box, SMALL_RADIUS, SMALL_RADIUS)
        inner = box.adjusted(SPACING.small, SPACING.tiny, -SPACING.small, 0)
        for number, line in enumerate(target.words):
            place = QRectF(
                inner.left(), inner.top() + number * line_height(), inner.width(), line_height()
            )
            write(painter, place, line, colors.muted if number else colors.ink)
