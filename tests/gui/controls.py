"""Reach the widgets of options by their kind, and change them as a user does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from PySide6.QtWidgets import QWidget

from app.gui.widgets.option_control import OptionControl

Kind = TypeVar("Kind", bound=QWidget)


def widget_of(controls: Mapping[str, OptionControl], name: str, kind: type[Kind]) -> Kind:
    widget = controls[name].widget
    assert isinstance(widget, kind)
    return widget


def change(control: OptionControl, value: Any) -> None:
    control.show(value)
    control.changed.emit(value)
