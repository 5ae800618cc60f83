"""Show which control has the keyboard focus; move the focus nearby when that control disappears."""

from __future__ import annotations

from weakref import ReferenceType, WeakKeyDictionary, ref

from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtGui import QFocusEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QApplication,
    QComboBox,
    QTabBar,
    QWidget,
)
from shiboken6 import isValid

from app.gui.theme.restyle import restyle

_RINGED = (QAbstractButton, QAbstractItemView, QAbstractSlider, QComboBox, QTabBar)
_BY_KEY = (
    Qt.FocusReason.TabFocusReason,
    Qt.FocusReason.BacktabFocusReason,
    Qt.FocusReason.ShortcutFocusReason,
)


class FocusGuide(QObject):
    """Sets the property `ring` of the control that the keyboard has reached.

    A control that is disabled or hidden passes the focus to a place nearby, and not to the next
    control, which may be Cancel: to the `safe_control` of the card, page or dialog around it, or
    else to the card, page or dialog itself, where Tab goes on.
    """

    def __init__(self, application: QApplication, parent: QObject) -> None:
        super().__init__(parent)
        self._is_by_key = False
        self._is_lost = False
        self._last: WeakKeyDictionary[QWidget, ReferenceType[QWidget]] = WeakKeyDictionary()
        application.installEventFilter(self)
        application.focusChanged.connect(self._keep_near)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Note how the focus moves."""
        kind = event.type()
        if kind == QEvent.Type.FocusOut and isinstance(watched, QWidget):
            self._is_lost = not _is_usable(watched)
        elif kind == QEvent.Type.FocusIn and isinstance(event, QFocusEvent):
            self._note(event.reason())
            if isinstance(watched, _RINGED):
                restyle(watched, "ring", self._is_by_key)
        return False

    def _note(self, reason: Qt.FocusReason) -> None:
        if self._is_lost:
            # Qt says Tab here although nobody pressed it.
            return
        if reason in _BY_KEY:
            self._is_by_key = True
        elif reason == Qt.FocusReason.MouseFocusReason:
            self._is_by_key = False

    def _keep_near(self, old: QWidget | None, new: QWidget | None) -> None:
        seen = new or old
        if seen is None or not isValid(seen):
            return
        window = seen.window()
        reference = self._last.get(window)
        last = reference() if reference is not None else None
        if new is not None:
            self._last[window] = ref(new)
        # While another window was in front, the focus may have moved unseen.
        has_come_back = old is None or not isValid(old) or old.window() is not window
        if last is None or not (self._is_lost or has_come_back) or not isValid(last):
            return
        if window.isVisible() and not _is_usable(last):
            _place_near(last).setFocus(Qt.FocusReason.OtherFocusReason)


def focus_target_in(container: QWidget) -> QWidget:
    """Return the control of a container that can safely get the focus, or else the container."""
    control = getattr(container, "safe_control", None)
    return control if isinstance(control, QWidget) and _is_usable(control) else container


def focus_in_front(control: QWidget) -> None:
    """Give a control the focus, and again when its window comes to the front, if it isn't there.

    After a dialog, the guide would look for a place near where the focus was before.
    """
    control.setFocus(Qt.FocusReason.OtherFocusReason)
    if not control.window().isActiveWindow():
        _LateFocus(control)


class _LateFocus(QObject):
    """Waits for the window of a control, and then gives the control the focus."""

    def __init__(self, control: QWidget) -> None:
        super().__init__(control)
        self._control = control
        application = QApplication.instance()
        if isinstance(application, QApplication):
            application.focusChanged.connect(self._look)

    def _look(self, _: QWidget | None, new: QWidget | None) -> None:
        if new is None or new.window() is not self._control.window():
            return
        # After the guide, which hears of the same change.
        QTimer.singleShot(0, self._control, self._control.setFocus)
        self.deleteLater()


def _place_near(lost: QWidget) -> QWidget:
    around = lost.parentWidget()
    while around is not None and not around.isWindow():
        place = focus_target_in(around)
        if _is_usable(around) and (place is not around or around.accessibleName()):
            return place
        around = around.parentWidget()
    return focus_target_in(lost.window())


def _is_usable(widget: QWidget) -> bool:
    return widget.isVisible() and widget.isEnabled()
