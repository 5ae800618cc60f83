"""Changes to a model's metadata that the user has not saved."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from app.gguf_file.editable_metadata import TEMPLATE_KEY


class PendingChanges(QObject):
    """New texts by metadata key; None removes the entry.

    Signals:
        changed: a value was changed, removed or put back.
    """

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.values: dict[str, str | None] = {}
        self._stored: dict[str, str] = {}

    def start(self, stored: dict[str, str]) -> None:
        """Forget all changes; `stored` are the values in the file."""
        self._stored = stored
        self.values = {}
        self.changed.emit()

    def stored(self, key: str) -> str:
        """Return the value in the file; empty if there is none."""
        return self._stored.get(key, "")

    def value(self, key: str) -> str:
        """Return the value with the changes; empty if there is none."""
        return self.values.get(key, self.stored(key)) or ""

    def set_value(self, key: str, text: str | None) -> None:
        """Change or remove an entry; the value in the file is no change."""
        is_same = text == self._stored.get(key)
        if is_same:
            self.values.pop(key, None)
        else:
            self.values[key] = text
        self.changed.emit()

    def undo(self, key: str) -> None:
        """Undo the change of an entry."""
        self.values.pop(key, None)
        self.changed.emit()

    @property
    def template(self) -> str:
        """The chat template with the changes."""
        return self.value(TEMPLATE_KEY)
