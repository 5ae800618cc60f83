"""Place of the notices of a window: over its contents, at the lower right."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, Qt, QTimer
from PySide6.QtWidgets import QAbstractButton, QVBoxLayout, QWidget

from app.core.language import tr
from app.gui.theme.tokens import SIZE, SPACING

_MAX_SHOWN = 3
_MOVING = (QEvent.Type.Resize, QEvent.Type.Move, QEvent.Type.LayoutRequest)
_OPENING = (QEvent.Type.Show, QEvent.Type.Hide)


class ToastStack(QWidget):
    """Stacks the newest notices; older ones return as newer ones go.

    It lies over the window's `notice_area`, or else over the whole window, and leaves the buttons
    and the composer at the foot free. A notice is visible while the page that it belongs to is.
    """

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._homes: dict[QWidget, QWidget] = {}
        self._area: QWidget = getattr(window, "notice_area", window)
        self.setAccessibleName(tr("Notices"))
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(SPACING.small)
        self._due = QTimer(self, singleShot=True, interval=0)
        self._due.timeout.connect(self._place)
        window.installEventFilter(self)
        self._area.installEventFilter(self)
        self.hide()

    @staticmethod
    def of(window: QWidget) -> ToastStack:
        """Return the stack of a window, which is made with its first notice."""
        return window.findChild(ToastStack) or ToastStack(window)

    @property
    def shown(self) -> list[QWidget]:
        """The visible notices, newest first."""
        there = [toast for toast, home in self._homes.items() if home.isVisible()]
        return there[::-1][:_MAX_SHOWN]

    def put(self, toast: QWidget, home: QWidget) -> None:
        """Show the notice of a page or dialog below the others."""
        if self._homes.pop(toast, None) is None:
            toast.setParent(self)
            home.installEventFilter(self)
        self._homes[toast] = home
        self._column.addWidget(toast)
        self._arrange()

    def remove(self, toast: QWidget) -> None:
        """Remove a notice."""
        self._homes.pop(toast, None)
        self._column.removeWidget(toast)
        toast.setVisible(False)
        self._arrange()

    def focus_newest(self) -> bool:
        """Give the newest notice the focus; return False if there is none."""
        for toast in self.shown[:1]:
            toast.setFocus(Qt.FocusReason.ShortcutFocusReason)
            return True
        return False

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the size of the window, and the page that is open."""
        if event.type() in _MOVING:
            self._due.start()
        elif event.type() in _OPENING and watched in self._homes.values():
            self._arrange()
        return False

    def _arrange(self) -> None:
        shown = self.shown
        for toast in self._homes:
            toast.setVisible(toast in shown)
        self.setVisible(bool(shown))
        self._place()

    def _place(self) -> None:
        if self.isHidden():
            return
        area = self._in_window(self._area)
        width = min(SIZE.toast, area.width() - 2 * SPACING.large)
        self.setFixedWidth(width)
        place = QRect(0, 0, width, self._column.totalHeightForWidth(width))
        place.moveBottomRight(area.bottomRight())
        place.translate(-SPACING.large, -SPACING.large)
        for taken in self._kept_clear(area):
            if place.intersects(taken.adjusted(0, -SPACING.small, 0, SPACING.small)):
                place.moveBottom(taken.top() - SPACING.small)
        self.setGeometry(place)
        self.raise_()

    def _kept_clear(self, area: QRect) -> list[QRect]:
        """Return the places of the controls at the foot, lowest first."""
        places = [
            self._in_window(widget)
            for widget in self._area.findChildren(QWidget)
            if widget.isVisible()
            and (isinstance(widget, QAbstractButton) or widget.property("role") == "composer")
            and not self.isAncestorOf(widget)
        ]
        foot = [place for place in places if place.bottom() > area.bottom() - SIZE.foot]
        return sorted(foot, key=QRect.bottom, reverse=True)

    def _in_window(self, widget: QWidget) -> QRect:
        return QRect(widget.mapTo(self.window(), QPoint(0, 0)), widget.size())
