"""Conversions killed at 50 random points: `python -m tests.benchmarks.kills [COUNT]`.

The child is killed with SIGKILL, as abruptly as by a power cut; then the next start removes
leftovers. A file under a final name must be complete, and nothing else may remain.
"""

from __future__ import annotations

import collections
import os
import random
import sys
import tempfile
from pathlib import Path

from app.core.errors import AppError
from app.gguf_file.header_reader import read_header
from app.gguf_file.validation import require_sane
from tests.support.checkpoints.checkpoints import make_tiny_checkpoint
from tests.support.gguf.kills import MOST_EVENTS, kill_conversion, leftovers
from tests.support.machine.installed import lend_converter
from tests.support.machine.verbs import run_verb

COUNT = 50


def main() -> None:
    """Print the step that each kill interrupted, and what it left behind."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else COUNT
    chance = random.Random(0)
    ends: collections.Counter[str] = collections.Counter()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = make_tiny_checkpoint(folder / "tiny", layers=24)
        for number in range(count):
            home = folder / str(number)
            os.environ.update(GRISTMILL_HOME=str(home / "home"), TMPDIR=str(home / "temporary"))
            lend_converter(home / "home")
            (home / "temporary").mkdir(parents=True)
            kill_conversion(source, home / "target", chance.randrange(MOST_EVENTS))
            ends[_end(home)] += 1
            print(f"{number + 1:>4} of {count}: {dict(ends)}", flush=True)


def _end(home: Path) -> str:
    target = home / "target"
    for file in target.glob("*.gguf"):
        try:
            require_sane(read_header(file))
        except AppError as error:
            return f"BROKEN FILE ({error})"
    had_part = bool(list(target.glob("*.part")))
    assert run_verb("models", "list", str(target)).status == 0
    if left := leftovers(target, home / "home", home / "temporary"):
        return f"LEFT BEHIND {left}"
    whole = len(list(target.glob("*.gguf")))
    return f"{whole} whole files" + (", parts swept" if had_part else "")


if __name__ == "__main__":
    main()
