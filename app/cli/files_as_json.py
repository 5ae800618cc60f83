"""The files of a verb as one JSON object, with the figures that were reported of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import msgspec

from app.core.allocation_events import FileCompared
from app.core.events import Event, LevelPlanned


class FilesAsJson:
    """Collects figures from events until the files are there."""

    def __init__(self) -> None:
        self._planned: dict[str, LevelPlanned] = {}
        self._compared: FileCompared | None = None

    def note(self, event: Event) -> None:
        """Keep what an event says of a file."""
        match event:
            case LevelPlanned():
                self._planned[event.target] = event
            case FileCompared():
                self._compared = event

    def text(self, paths: Sequence[str]) -> str:
        """Return the object: the paths, and the level and exact size of each file, if planned.

        Where a file was compared with a plain level, that follows; see `FileCompared`.
        """
        found: dict[str, Any] = {"paths": paths}
        if files := [self._file(path) for path in paths if path in self._planned]:
            found["files"] = files
        if self._compared is not None:
            found["comparison"] = _comparison(self._compared)
        return json.dumps(found, indent=2)

    def _file(self, path: str) -> dict[str, Any]:
        planned = self._planned[path]
        return {
            "path": path,
            "level": planned.level,
            "size_bytes": planned.size_bytes,
            "bits_per_weight": round(planned.bits_per_weight, 4),
        }


def _comparison(compared: FileCompared) -> dict[str, Any]:
    return {
        "tokens": compared.tokens,
        "source": {"perplexity": compared.perplexity},
        "file": msgspec.structs.asdict(compared.file),
        "plain": {"level": compared.level, **msgspec.structs.asdict(compared.plain)},
    }
