"""Find what lies outside of its view, and text that is cut without an ellipsis and a tool tip."""

from __future__ import annotations

import re
from collections.abc import Iterator

from PySide6.QtCore import QRect, Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractScrollArea,
    QComboBox,
    QLabel,
    QLineEdit,
    QListView,
    QScrollBar,
    QWidget,
)

_SLACK = 1
_ALWAYS_OFF = Qt.ScrollBarPolicy.ScrollBarAlwaysOff


def layout_faults(root: QWidget) -> Iterator[str]:
    """Yield a line for each fault of a visible window or dialog."""
    if root.minimumSizeHint().width() > root.width():
        yield f"{_named(root)} needs {root.minimumSizeHint().width()} of {root.width()} px"
    for widget in root.findChildren(QWidget):
        if not widget.isVisible() or widget.window() is not root or not widget.size().isValid():
            continue
        if _is_outside(widget):
            yield f"{_named(widget)} lies outside of {_named(widget.parentWidget())}"
        yield from _cut_text(widget)


def _named(widget: QWidget) -> str:
    text = getattr(widget, "text", None)
    words = widget.accessibleName() or (text() if callable(text) else "") or widget.objectName()
    return f"{type(widget).__name__} {str(words)[:60]!r}"


def _is_outside(widget: QWidget) -> bool:
    """Return whether a part can't be seen, unless the user can scroll to it."""
    view = widget.parentWidget()
    if view is None or widget.isWindow() or isinstance(widget, QScrollBar):
        return False
    area = view.parentWidget()
    place = QRect(widget.pos(), widget.size())
    if isinstance(area, QAbstractScrollArea) and area.viewport() is view:
        if area.horizontalScrollBarPolicy() is not _ALWAYS_OFF:
            return False
        return place.left() < 0 or place.width() > view.width() + _SLACK
    shown = view.rect().adjusted(-_SLACK, -_SLACK, _SLACK, _SLACK)
    return not shown.contains(place)


def _cut_text(widget: QWidget) -> Iterator[str]:
    match widget:
        case QLabel():
            yield from _cut_label(widget)
        case QAbstractButton():
            is_cut = widget.sizeHint().width() > widget.width() + _SLACK
            if widget.text() and is_cut and not _makes_tips(widget):
                yield f"{_named(widget)} is cut"
        case QComboBox():
            room = widget.width() - 3 * widget.fontMetrics().height()
            yield from _without_tip(widget, widget.currentText(), room)
        case QLineEdit():
            # What the user types scrolls.
            text = widget.text() if widget.isReadOnly() else ""
            yield from _without_tip(widget, text or widget.placeholderText(), widget.width() - 8)
        case QAbstractItemView():
            yield from _cut_cells(widget)


def _cut_label(label: QLabel) -> Iterator[str]:
    text = label.text()
    if not text or label.pixmap().isNull() is False:
        return
    if label.wordWrap():
        if label.heightForWidth(label.width()) > label.height() + _SLACK:
            yield f"{_named(label)} has lines that are cut"
        longest = max(
            (label.fontMetrics().horizontalAdvance(w) for w in re.split(r"[\s\u200b]", text)),
            default=0,
        )
        if longest > label.contentsRect().width() + _SLACK:
            yield f"{_named(label)} has a word that is cut"
    # A label that elides fits its text to its width, and rounds otherwise than its size hint.
    elif (
        label.sizeHint().width() > label.width() + _SLACK
        and "…" not in text
        and not getattr(label, "_elides", False)
    ):
        yield f"{_named(label)} is cut"
    if text.endswith("…") and getattr(label, "whole_text", text) != text and not label.toolTip():
        yield f"{_named(label)} is elided without a tool tip"


def _without_tip(widget: QWidget, text: str, room: int) -> Iterator[str]:
    has_tip = bool(widget.toolTip()) or _makes_tips(widget)
    if widget.fontMetrics().horizontalAdvance(text) > room and not has_tip:
        yield f"{_named(widget)} shows {text[:40]!r} cut and has no tool tip"


def _makes_tips(widget: QWidget) -> bool:
    """Return whether the widget's class is the program's own, elides, and makes its tool tips."""
    own = [kind for kind in type(widget).__mro__ if kind.__module__.startswith("app.")]
    return any("event" in vars(kind) for kind in own)


def _cut_cells(view: QAbstractItemView) -> Iterator[str]:
    model = view.model()
    if model is None:
        return
    columns = 1 if isinstance(view, QListView) else model.columnCount()
    for row in range(model.rowCount()):
        for column in range(columns):
            index = model.index(row, column)
            place = view.visualRect(index)
            text = str(index.data() or "")
            if not text or not place.isValid():
                continue
            needed = view.fontMetrics().horizontalAdvance(text)
            tip = index.data(Qt.ItemDataRole.ToolTipRole)
            if needed > place.width() + _SLACK and not tip and not _tells(view):
                yield f"{_named(view)} cuts {text[:40]!r} and has no tool tip"


def _tells(view: QAbstractItemView) -> bool:
    """Return whether the view makes the tool tips itself."""
    return "viewportEvent" in vars(type(view)) or "helpEvent" in vars(type(view.itemDelegate()))
