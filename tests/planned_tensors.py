"""What Gristmill plans for each tensor of a checkpoint, asked in a process of its own.

`python -m tests.planned_tensors CHECKPOINT IMPORTANCE LEVEL...` prints the plans as JSON;
IMPORTANCE is the file of an importance matrix, or empty.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tests.verbs import ROOT


class PlannedTensor(NamedTuple):
    """The shape with the slowest dimension first, and ggml's name of the type."""

    shape: list[int]
    type_name: str
    size_bytes: int


def planned_tensors(
    checkpoint: Path, levels: Sequence[str], importance: Path | None = None
) -> dict[str, dict[str, PlannedTensor]]:
    """The tensors by level and by name."""
    arguments = [str(checkpoint), str(importance or ""), *levels]
    child = subprocess.run(
        [sys.executable, "-m", __name__, *arguments], cwd=ROOT, check=True, stdout=subprocess.PIPE
    )
    return {
        level: {name: PlannedTensor(*values) for name, *values in tensors}
        for level, tensors in json.loads(child.stdout).items()
    }


def _plans(
    checkpoint: Path, importance: str, levels: Sequence[str]
) -> Iterator[tuple[str, list[Any]]]:
    from app.conversion.bridge import activate_converter, lay_out
    from app.conversion.choices import TypeChoices
    from app.conversion.installation import converter_folder
    from app.conversion.type_plan import hollow_file, plan_types
    from app.core.levels import level_named
    from app.core.settings import load_settings
    from app.native.importance_matrix import read_importance_matrix
    from app.native.quantization import type_numbers

    matrix = read_importance_matrix(Path(importance)) if importance else None
    choices = TypeChoices(importance=matrix)
    settings, _ = load_settings()
    activate_converter(converter_folder(settings))
    layout = lay_out(checkpoint)
    type_names = {number: name for name, number in type_numbers().items()}
    with hollow_file(layout) as hollow:
        for level in levels:
            plan = plan_types(layout, hollow, level_named(level), choices)
            tensors = [
                (tensor.name, tensor.shape, type_names[tensor.type_number], tensor.size_bytes)
                for tensor in plan.tensors
            ]
            yield level, tensors


if __name__ == "__main__":
    print(json.dumps(dict(_plans(Path(sys.argv[1]), sys.argv[2], sys.argv[3:]))))
