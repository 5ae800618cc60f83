"""The settings in use: one frozen value, saved with every change, told to whoever listens."""

from __future__ import annotations

import msgspec
from PySide6.QtCore import QObject, Signal

from app.core.settings import Settings, save_settings


class SettingsHolder(QObject):
    """Holds the settings; `changed` carries the old and the new value."""

    changed = Signal(object, object)

    def __init__(self, settings: Settings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.value = settings

    def change(self, **fields: str | int | tuple[str, ...] | None) -> None:
        """Replace some fields and save.

        Raises:
            AppError: `disk_full`, `folder_not_writable`; the change then holds until the end.
        """
        old, self.value = self.value, msgspec.structs.replace(self.value, **fields)
        if old == self.value:
            return
        self.changed.emit(old, self.value)
        save_settings(self.value)
