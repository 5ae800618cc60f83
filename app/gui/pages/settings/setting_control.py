"""Bind a control to a field of the settings."""

from __future__ import annotations

from collections.abc import Callable

from app.core.errors import AppError
from app.core.sentences import describe_error
from app.gui.services.settings_holder import SettingsHolder
from app.gui.widgets.option_control import OptionControl
from app.gui.widgets.path_field import PathField
from app.gui.widgets.text_field import TextField
from app.gui.widgets.words_field import WordsField


def bind_setting(
    settings: SettingsHolder, name: str, control: OptionControl, fail: Callable[[str], None]
) -> None:
    """Show a setting, save it when the user changes it, and report why that is impossible."""
    control.show(getattr(settings.value, name))

    def save() -> None:
        try:
            settings.change(**{name: control.read()})
        except AppError as error:
            fail(describe_error(error.code, error.details))

    control.changed.connect(lambda *_: save())


def path_control(field: PathField) -> OptionControl:
    """Return the control of a path; None stands for the default, which the field shows empty."""
    return OptionControl(
        field, lambda: field.path or None, lambda path: field.set_path(path or ""), field.changed
    )


def text_control(field: TextField) -> OptionControl:
    """Return the control of a longer text."""
    return OptionControl(field, field.toPlainText, field.set_text, field.changed)


def words_control(field: WordsField) -> OptionControl:
    """Return the control of several words."""
    return OptionControl(field, lambda: field.words, field.set_words, field.changed)
