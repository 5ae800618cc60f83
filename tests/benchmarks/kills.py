"""Conversions killed at 50 random points: `python -m tests.benchmarks.kills [COUNT] [--measured]`.

With `--measured`, types are chosen for a size and the rounding is corrected. The child is killed
with SIGKILL, as abruptly as by a power cut; then the next start removes leftovers. A file under a
final name must be complete, no process may still run, and nothing else may remain.
"""

from __future__ import annotations

import argparse
import collections
import os
import random
import tempfile
import time
from pathlib import Path

from app.core.errors import AppError
from app.gguf_file.header_reader import read_header
from app.gguf_file.validation import require_sane
from tests.support.checkpoints.checkpoints import make_tiny_checkpoint
from tests.support.checkpoints.continuous import documentation
from tests.support.gguf.kills import (
    MOST_EVENTS,
    kill_conversion,
    kill_measured_conversion,
    leftovers,
    orphans,
)
from tests.support.machine.installed import lend_converter
from tests.support.machine.verbs import run_verb

COUNT = 50
_LETTERS = 60_000
_ENOUGH_SECONDS = 600
_ORPHAN_SECONDS = 10


def main() -> None:
    """Print the step that each kill interrupted, and what it left behind."""
    parser = argparse.ArgumentParser()
    parser.add_argument("count", nargs="?", type=int, default=COUNT)
    parser.add_argument("--measured", action="store_true")
    given = parser.parse_args()
    chance = random.Random(0)
    ends: collections.Counter[str] = collections.Counter()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = make_tiny_checkpoint(folder / "tiny", layers=2 if given.measured else 24)
        text = folder / "text.txt"
        text.write_text(documentation()[:_LETTERS], encoding="utf-8")
        seconds = _seconds(source, folder, text) if given.measured else 0.0
        for number in range(given.count):
            home = folder / str(number)
            os.environ.update(GRISTMILL_HOME=str(home / "home"), TMPDIR=str(home / "temporary"))
            lend_converter(home / "home")
            for made in ("temporary", "target"):
                (home / made).mkdir(parents=True)
            if given.measured:
                moment = chance.uniform(0, 1.05 * seconds)
                kill_measured_conversion(source, home / "target", text, moment)
            else:
                kill_conversion(source, home / "target", chance.randrange(MOST_EVENTS))
            ends[_end(home)] += 1
            print(f"{number + 1:>4} of {given.count}: {dict(ends)}", flush=True)


def _seconds(source: Path, folder: Path, text: Path) -> float:
    """Return how long a measured conversion takes, without a kill."""
    began = time.monotonic()
    kill_measured_conversion(source, folder / "whole", text, _ENOUGH_SECONDS)
    assert list((folder / "whole").glob("*.gguf"))
    return time.monotonic() - began


def _end(home: Path) -> str:
    target = home / "target"
    for file in target.glob("*.gguf"):
        try:
            require_sane(read_header(file))
        except AppError as error:
            return f"BROKEN FILE ({error})"
    if left := _lasting_orphans(home / "temporary"):
        return f"STILL RUNNING {left}"
    had_part = bool(list(target.glob("*.part")))
    assert run_verb("models", "list", str(target)).status == 0
    if left := leftovers(target, home / "home", home / "temporary"):
        return f"LEFT BEHIND {left}"
    whole = len(list(target.glob("*.gguf")))
    return f"{whole} whole files" + (", parts swept" if had_part else "")


def _lasting_orphans(temporary: Path) -> list[str]:
    """Return the processes that still run some seconds later."""
    end = time.monotonic() + _ORPHAN_SECONDS
    while (found := orphans(temporary)) and time.monotonic() < end:
        time.sleep(0.1)
    return found


if __name__ == "__main__":
    main()
