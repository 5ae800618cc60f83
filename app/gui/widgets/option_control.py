"""Make the control and the row of an option from the description of its field."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import SignalInstance
from PySide6.QtWidgets import QCheckBox, QWidget

from app.core.option_fields import OptionField
from app.gui.theme.theme import Theme
from app.gui.widgets.auto_spin_box import AutoSpinBox
from app.gui.widgets.drop_down import DropDown
from app.gui.widgets.form_row import FormRow
from app.gui.widgets.number_box import NumberBox
from app.gui.widgets.segmented_choice import SegmentedChoice

_MAX_SEGMENTS = 3


@dataclass(frozen=True)
class OptionControl:
    """A widget, with functions to read and show its value, and its signal for changes.

    `fault_of` returns a sentence about a value that must not be kept, and "" for a good one.
    """

    widget: QWidget
    read: Callable[[], Any]
    show: Callable[[Any], None]
    changed: SignalInstance
    fault_of: Callable[[Any], str] = lambda _: ""


def option_control(theme: Theme, field: OptionField) -> OptionControl:
    """Return the usual control for a field of this kind and with these bounds."""
    match field.kind:
        case "switch":
            switch = check_box(field)
            return OptionControl(switch, switch.isChecked, switch.setChecked, switch.toggled)
        case "choice" if len(field.choices) <= _MAX_SEGMENTS:
            return custom_control(SegmentedChoice(theme, field.title, field.choices))
        case "choice":
            return _choice_box(field)
        case "number":
            number = number_box(field)
            return OptionControl(number, number.value, number.setValue, number.valueChanged)
        case "automatic_number":
            minimum, maximum = int(field.minimum), int(field.maximum)
            return custom_control(AutoSpinBox(field.title, minimum, maximum, minimum))
    raise TypeError(field)


def custom_control(widget: Any) -> OptionControl:
    """Return the control for a custom widget with `value`, `set_value` and `changed`."""
    return OptionControl(widget, lambda: widget.value, widget.set_value, widget.changed)


def option_row(field: OptionField, control: QWidget, *, stacked: bool = False) -> FormRow:
    """Return the row with a field's title and description."""
    return FormRow(field.title, field.description, control, stacked=stacked)


def check_box(field: OptionField) -> QCheckBox:
    """Return the checkbox for an on/off option, which the title beside it names."""
    box = QCheckBox()
    box.setAccessibleName(field.title)
    return box


def _choice_box(field: OptionField) -> OptionControl:
    box = DropDown()
    box.setAccessibleName(field.title)
    for value, label in field.choices:
        box.addItem(label, value)
    return OptionControl(
        box,
        box.currentData,
        lambda value: box.setCurrentIndex(box.findData(value)),
        box.currentIndexChanged,
    )


def number_box(field: OptionField) -> NumberBox:
    """Return the number box with a field's bounds."""
    box = NumberBox(int(field.minimum), int(field.maximum))
    box.setAccessibleName(field.title)
    box.setSingleStep(int(field.step))
    return box
