"""Downloaded checkpoints: folders `owner/name` with a config.json."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from app.core import paths


@dataclass(frozen=True)
class DownloadedCheckpoint:
    """A downloaded repository: its name as `owner/name`, and its folder."""

    name: str
    folder: Path


def downloaded_checkpoints() -> tuple[DownloadedCheckpoint, ...]:
    """Return all downloaded checkpoints, sorted by name."""
    root = paths.checkpoints_folder()
    return tuple(
        DownloadedCheckpoint(f"{config.parent.parent.name}/{config.parent.name}", config.parent)
        for config in sorted(root.glob("*/*/config.json"))
    )
