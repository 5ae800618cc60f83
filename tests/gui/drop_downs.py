"""Open a drop-down list and check what a person would see of it."""

from __future__ import annotations

from collections.abc import Iterator

from PySide6.QtCore import QPoint, QRect
from PySide6.QtWidgets import QApplication, QComboBox, QScrollArea, QWidget

from app.gui.theme.tokens import SIZE, SPACING
from app.gui.widgets.drop_down import MAX_ROWS


def faults_of_list(box: QComboBox) -> list[str]:
    """Open the list of a box and say what is wrong with it."""
    box.showPopup()
    QApplication.processEvents()
    view = box.view()
    popup, screen = view.window().geometry(), box.screen().availableGeometry()
    field = QRect(box.mapToGlobal(QPoint(0, 0)), box.size())
    shown = range(min(MAX_ROWS, box.count()))
    rows = [view.visualRect(box.model().index(row, 0)) for row in shown]
    has_room = field.bottom() + sum(row.height() for row in rows) + SPACING.small < screen.bottom()
    longest = min(view.sizeHintForColumn(0), box.window().width())
    widest = max(SIZE.narrow, longest) + SIZE.scroll_bar + 2 * SIZE.hairline
    found = {
        "cut row": any(not view.viewport().rect().contains(row) for row in rows),
        "room left": rows[-1].bottom() != view.viewport().rect().bottom(),
        "row height": any(row.height() not in (SIZE.control, SPACING.small) for row in rows),
        "off the screen": not screen.contains(popup),
        "over the field": popup.intersects(field),
        "not below the field": has_room and popup.top() <= field.bottom(),
        "too wide": popup.width() > max(field.width(), widest),
        "second frame": view.window().contentsRect() != view.geometry(),
    }
    box.hidePopup()
    return [words for words, is_wrong in found.items() if is_wrong]


def _scroll_to(box: QWidget) -> None:
    parent = box.parentWidget()
    while parent is not None and not isinstance(parent, QScrollArea):
        parent = parent.parentWidget()
    if isinstance(parent, QScrollArea):
        parent.ensureWidgetVisible(box)


def faults_of_lists(root: QWidget) -> Iterator[tuple[str, list[str]]]:
    """Open each list of a window or dialog; yield its name with its faults, if it has any."""
    for box in root.findChildren(QComboBox):
        if not (box.isVisible() and box.isEnabled() and box.count()):
            continue
        _scroll_to(box)
        if found := faults_of_list(box):
            yield box.accessibleName(), found
