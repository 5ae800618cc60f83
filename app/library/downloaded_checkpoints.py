"""Downloaded checkpoints and adapters: folders `owner/name` with a configuration."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from app.core import paths
from app.library.folder_lock import OWN_PREFIX
from app.library.unfinished_downloads import unfinished_in

_CONFIGURATIONS = ("config.json", "adapter_config.json")


@dataclass(frozen=True)
class DownloadedCheckpoint:
    """A downloaded repository: its name as `owner/name`, and its folder."""

    name: str
    folder: Path

    def files(self) -> tuple[Path, ...]:
        """Return all files in the folder but our own records, the configuration first."""
        found = (file for file in sorted(self.folder.rglob("*")) if file.is_file())
        own = (file for file in found if not file.name.startswith(OWN_PREFIX))
        return tuple(sorted(own, key=lambda file: file.name not in _CONFIGURATIONS))

    def size_bytes(self) -> int:
        """Return the size of all files."""
        return sum(file.stat().st_size for file in self.files())


def checkpoint_at(folder: Path) -> DownloadedCheckpoint:
    """Return the checkpoint of a folder."""
    return DownloadedCheckpoint(f"{folder.parent.name}/{folder.name}", folder)


def downloaded_checkpoints() -> tuple[DownloadedCheckpoint, ...]:
    """Return all checkpoints whose download has finished, sorted by name."""
    root = paths.checkpoints_folder()
    folders = {file.parent for name in _CONFIGURATIONS for file in root.glob(f"*/*/{name}")}
    found = (checkpoint_at(folder) for folder in folders if not unfinished_in(folder))
    return tuple(sorted(found, key=lambda checkpoint: checkpoint.name.casefold()))
