"""Hold the settings in use, save every change and announce it."""

from __future__ import annotations

import msgspec
from PySide6.QtCore import QObject, Signal

from app.core.chat_settings import ChatSettings
from app.core.load_options import LoadOptions, LoadValue
from app.core.settings import Settings, save_settings

SettingValue = LoadValue | tuple[str, ...] | dict[str, LoadOptions] | ChatSettings
"""Values of the fields of `Settings`."""


class SettingsHolder(QObject):
    """Holds the settings; `changed` carries the old and the new value."""

    changed = Signal(object, object)

    def __init__(self, settings: Settings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.value = settings

    def change(self, **fields: SettingValue) -> None:
        """Replace some fields and save.

        Raises:
            AppError: `disk_full`, `folder_not_writable`; the change still holds until the end.
        """
        old, self.value = self.value, msgspec.structs.replace(self.value, **fields)
        if old == self.value:
            return
        self.changed.emit(old, self.value)
        save_settings(self.value)
