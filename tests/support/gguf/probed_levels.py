"""The probed quality of a source's levels, in a separate process, which the converter needs.

Run: `python -m tests.support.gguf.probed_levels SOURCE [--imatrix FILE]`; prints JSON.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

import msgspec

from app.estimation.quality import Quality
from tests.support.machine.verbs import ROOT


class ProbedLevels(msgspec.Struct, frozen=True):
    """The qualities by level, and how matrices are read.

    `read_whole` are those whose rows can't be read separately, `as_stored` those that are written
    from the stored rows, in their order.
    """

    qualities: dict[str, Quality]
    read_whole: list[str]
    as_stored: list[str]


def probed_levels(source: Path, importance: Path | None = None) -> ProbedLevels:
    """Return the probed quality of every level of a checkpoint or a GGUF file in 16 bits."""
    options = ("--imatrix", str(importance)) if importance else ()
    ended = subprocess.run(
        [sys.executable, "-m", "tests.support.gguf.probed_levels", str(source), *options],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        check=True,
    )
    return msgspec.json.decode(ended.stdout, type=ProbedLevels)


def main() -> None:
    """Print the probed qualities as JSON."""
    from app.conversion.converter.installation import converter_folder
    from app.conversion.sources import source_at
    from app.conversion.type_choices import TypeChoices
    from app.conversion.type_plan import hollow_file, plan_types
    from app.core.levels import LEVELS
    from app.core.settings import load_settings
    from app.native.importance_matrix import read_importance_matrix
    from app.profiling.probed_quality import probe_quality

    parser = argparse.ArgumentParser()
    parser.add_argument("source", type=Path)
    parser.add_argument("--imatrix", type=Path)
    given = parser.parse_args()
    importance = read_importance_matrix(given.imatrix) if given.imatrix else None
    choices = TypeChoices(importance=importance)
    settings, _ = load_settings()
    layout = next(source_at(given.source).layouts(LEVELS, converter_folder(settings))).layout
    with hollow_file(layout) as hollow:
        plans = [plan_types(layout, hollow, level, choices) for level in LEVELS]
    whole = [tensor.name for tensor in layout.tensors if tensor.shape[1:] and not tensor.stored]
    as_stored = [tensor.name for tensor in layout.tensors if tensor.is_as_stored]
    threads = os.cpu_count() or 1
    found = probe_quality(layout, plans, lambda _: None, choices=choices, threads=threads)
    sys.stdout.buffer.write(msgspec.json.encode(ProbedLevels(found, whole, as_stored)))


if __name__ == "__main__":
    main()
