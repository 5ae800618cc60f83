"""Labels, tags and favorites that users give to models; the files keep their names."""

from __future__ import annotations

from pathlib import PurePath

import msgspec

from app.core import paths
from app.core.json_store import JsonStore
from app.core.model_facts import Marks


class _Marked(msgspec.Struct, frozen=True):
    path: str
    size_bytes: int
    marks: Marks

    @property
    def key(self) -> tuple[str, int]:
        return _key(self.path, self.size_bytes)


class MarksStore:
    """All marks; those of a file that was moved go with it, by its name and size."""

    def __init__(self) -> None:
        self._store = JsonStore(paths.marks_file(), tuple[_Marked, ...], indented=True)
        entries = self._store.salvage() or ()
        self._by_path = {entry.path: entry for entry in entries}
        self._by_key = {entry.key: entry for entry in entries}

    def of(self, path: str, size_bytes: int) -> Marks:
        """Return the marks of a model; empty ones if it has none."""
        found = self._by_path.get(path) or self._by_key.get(_key(path, size_bytes))
        return found.marks if found else Marks()

    def change(self, path: str, size_bytes: int, marks: Marks) -> None:
        """Save the marks of a model.

        Raises:
            AppError: `disk_full`, `folder_not_writable`, `file_busy`.
        """
        for known in (self._by_path.get(path), self._by_key.get(_key(path, size_bytes))):
            if known is not None:
                self._by_path.pop(known.path, None)
                self._by_key.pop(known.key, None)
        if marks != Marks():
            entry = _Marked(path, size_bytes, marks)
            self._by_path[path] = self._by_key[entry.key] = entry
        self._store.write(tuple(self._by_path.values()))


def _key(path: str, size_bytes: int) -> tuple[str, int]:
    return PurePath(path).name, size_bytes
