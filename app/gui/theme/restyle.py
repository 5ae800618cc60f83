"""Set dynamic properties that the style sheet uses."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget


def restyle(widget: QWidget, name: str, value: str | bool) -> None:  # noqa: FBT001 - a property's value
    """Set a property that the style sheet uses, and apply the style sheet again."""
    if widget.property(name) == value:
        return
    widget.setProperty(name, value)
    widget.style().unpolish(widget)
    widget.style().polish(widget)
    widget.update()
