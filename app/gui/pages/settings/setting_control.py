"""Bind a control to a field of the settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtWidgets import QWidget

from app.core.errors import AppError
from app.core.language import tr
from app.core.sentences import describe_error
from app.core.settings import Settings
from app.gui.services.settings_holder import SettingsHolder
from app.gui.widgets.form_row import FormRow
from app.gui.widgets.option_control import OptionControl
from app.gui.widgets.path_field import PathField
from app.gui.widgets.text_field import TextField
from app.gui.widgets.words_field import WordsField


def bind_setting(settings: SettingsHolder, name: str, control: OptionControl, row: FormRow) -> None:
    """Show a setting, and save it when the user changes it, or say in its row why not.

    It may be changed elsewhere, too.
    """
    control.show(getattr(settings.value, name))

    def save() -> None:
        value = control.read()
        fault = control.fault_of(value) or _save(settings, name, value)
        show_fault(row, control.widget, fault)

    def follow(old: Settings, new: Settings) -> None:
        value = getattr(new, name)
        if value != getattr(old, name) and value != control.read():
            control.show(value)

    control.changed.connect(lambda *_: save())
    settings.changed.connect(follow)


def show_fault(row: FormRow, widget: QWidget, fault: str) -> None:
    """Mark a field as invalid, and say why beside it; an empty sentence clears both."""
    row.set_refusal(fault)
    if isinstance(widget, PathField | WordsField):
        widget.set_invalid(bool(fault))


def _save(settings: SettingsHolder, name: str, value: Any) -> str:
    try:
        settings.change(**{name: value})
    except AppError as error:
        return describe_error(error.code, error.details)
    return ""


def path_control(field: PathField) -> OptionControl:
    """Return the control of a folder; None stands for the default, shown as an empty field."""
    return OptionControl(
        field,
        lambda: field.path or None,
        lambda path: field.set_path(path or ""),
        field.changed,
        _folder_fault,
    )


def text_control(field: TextField) -> OptionControl:
    """Return the control of a longer text."""
    return OptionControl(field, field.toPlainText, field.set_text, field.changed)


def word_list_control(field: WordsField) -> OptionControl:
    """Return the control for a list of words."""
    return OptionControl(field, lambda: field.words, field.set_words, field.changed)


def _folder_fault(path: str | None) -> str:
    if path is None or Path(path).is_dir():
        return ""
    return tr("There is no folder {path}.", path=path)
