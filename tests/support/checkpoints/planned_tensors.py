"""The plan of `gristmill convert --dry-run --verbose` for a checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from app.core.events import LevelPlanned, TensorPlanned
from tests.support.machine.verbs import started


class PlannedTensor(NamedTuple):
    """A tensor: its shape, with the slowest dimension first, and ggml's name of its type."""

    shape: tuple[int, ...]
    type_name: str
    size_bytes: int


@dataclass
class PlannedLevel:
    """A plan: the tensors by name, and the size of the whole file in bytes."""

    tensors: dict[str, PlannedTensor] = field(default_factory=dict)
    size_bytes: int = 0


def planned_levels(
    checkpoint: Path, levels: Sequence[str], calibration: Path | None = None
) -> dict[str, PlannedLevel]:
    """Return the plan of each level by its name; a dry run ignores the calibration text."""
    chosen = [word for level in levels for word in ("--level", level)]
    options = ["--calibration", str(calibration)] if calibration else []
    arguments = [str(checkpoint), *chosen, "--dry-run", "--verbose", *options]
    with started("convert", *arguments) as child:
        assert child.end() == 0, child.log()
    planned = {level: PlannedLevel() for level in levels}
    for event in child.events:
        if isinstance(event, LevelPlanned):
            planned[event.level].size_bytes = event.size_bytes
        elif isinstance(event, TensorPlanned):
            tensor = PlannedTensor(event.shape, event.tensor_type.lower(), event.size_bytes)
            planned[event.level].tensors[event.name] = tensor
    return planned
