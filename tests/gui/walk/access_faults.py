"""Find controls without a name, a role or a keyboard path, and an order that jumps."""

from __future__ import annotations

from collections.abc import Iterator

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAccessible
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
    QProgressBar,
    QScrollBar,
    QTextEdit,
    QWidget,
)

_CONTROLS = (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
)
_NO_ROLE = (QAccessible.Role.NoRole, QAccessible.Role.Client)


def access_faults(root: QWidget) -> Iterator[str]:
    """Yield a line for each fault of a visible window or dialog."""
    for widget in controls_in(root):
        interface = QAccessible.queryAccessibleInterface(widget)
        name = interface.text(QAccessible.Text.Name)
        words = f"{type(widget).__name__} {name!r} in {_path(widget)}"
        if not name.strip():
            yield f"no name: {words}"
        if interface.role() in _NO_ROLE:
            yield f"no role: {words}"
        if isinstance(widget, _CONTROLS) and not _is_reachable(widget):
            yield f"no keyboard path: {words}"
    yield from _jumps(root)


def controls_in(root: QWidget) -> list[QWidget]:
    """Return the controls and progress bars that a user meets, without the parts of a control."""
    found = root.findChildren(QWidget)
    kinds = (*_CONTROLS, QProgressBar, QTextEdit)
    return [w for w in found if isinstance(w, kinds) and _is_met(w, root)]


def _is_met(widget: QWidget, root: QWidget) -> bool:
    if not widget.isVisible() or widget.window() is not root or isinstance(widget, QScrollBar):
        return False
    # The parts of a control speak through it: a spin box's line, a table's headers.
    return not any(isinstance(one, _CONTROLS) for one in _ancestors(widget))


def _ancestors(widget: QWidget) -> Iterator[QWidget]:
    around = widget.parentWidget()
    while around is not None and not around.isWindow():
        yield around
        around = around.parentWidget()


def _path(widget: QWidget) -> str:
    return " < ".join(type(one).__name__ for one in _ancestors(widget))


def _is_reachable(widget: QWidget) -> bool:
    if not widget.isEnabled() or _is_empty(widget):
        return True
    group = widget.group() if isinstance(widget, QAbstractButton) else None
    if group is not None and group.exclusive():
        # The arrow keys move within a group.
        return True
    proxy = widget.focusProxy() or widget
    return bool(proxy.focusPolicy() & Qt.FocusPolicy.TabFocus)


def _is_empty(widget: QWidget) -> bool:
    """Whether it is a table or list without rows, in which there is nothing to reach."""
    return isinstance(widget, QAbstractItemView) and widget.model().rowCount() == 0


def _jumps(root: QWidget) -> Iterator[str]:
    """Yield the siblings that Tab and a screen reader reach from the bottom to the top."""
    chain: list[QWidget] = []
    widget = root.nextInFocusChain()
    while widget is not None and widget is not root:
        chain.append(widget)
        widget = widget.nextInFocusChain()
    met = set(controls_in(root))
    last: dict[QWidget, QWidget] = {}
    for widget in chain:
        if widget not in met or not _is_reachable(widget):
            continue
        parent = widget.parentWidget()
        before = last.get(parent)
        if before is not None and _is_above(widget, before):
            yield f"{_named(before)} comes before {_named(widget)} in {_path(widget)}"
        last[parent] = widget


def _is_above(one: QWidget, other: QWidget) -> bool:
    """Return whether one lies wholly above the other, or left of it in the same line."""
    at, below = one.mapToGlobal(QPoint()), other.mapToGlobal(QPoint())
    if at.y() + one.height() <= below.y():
        return True
    is_beside = at.y() < below.y() + other.height()
    return is_beside and at.x() + one.width() <= below.x()


def _named(widget: QWidget) -> str:
    return f"{type(widget).__name__} {widget.accessibleName() or getattr(widget, 'text', str)()!r}"
