"""Conversions of every architecture, compared with llama.cpp.

Run: `python -m tests.benchmarks.architectures [NAME...]`.

A small checkpoint of each architecture, saved by the version of transformers that llama.cpp pins
and by ours, goes through llama.cpp's own converter (in its pinned environment, or with our
transformers for checkpoints that ours saved) and quantizer, and through `gristmill convert`. The
bytes of four levels are compared, one level is loaded to generate a token, and the sizes that
`gristmill estimate` predicts for the folder and for a repository on a Hub on loopback are compared
with the files.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.support.checkpoints.architecture_trials import NOT_MADE, VERSIONS, YES, Row, Trials
from tests.support.checkpoints.registered_architectures import (
    make_registered,
    registered_architectures,
)
from tests.support.hub.local_hub import LocalHub

_PARALLEL = 2
_TITLES = ("saved by", "llama.cpp", "ours", "bytes", "loads", "local", "remote", "read with")
_WIDTH = 10


def main() -> None:
    """Print a row per architecture and version with its problems, then totals."""
    names = sys.argv[1:] or sorted(registered_architectures())
    for version in VERSIONS:
        print(make_registered(names, version), file=sys.stderr)
    cases = [(name, version) for name in names for version in VERSIONS]
    with tempfile.TemporaryDirectory() as folder, LocalHub() as hub:
        trials = Trials(Path(folder) / "home", hub)
        print(_line("", *_TITLES))
        with ThreadPoolExecutor(_PARALLEL) as pool:
            rows = list(_shown(pool.map(lambda case: trials.row(*case), cases)))
    for outcome, count in Counter(row.outcome for row in rows).most_common():
        print(f"{count:>5} {outcome}")


def _shown(rows: Iterable[Row]) -> Iterator[Row]:
    for row in rows:
        yield row
        told = (row.theirs, row.ours, row.equal, row.loads, row.local, row.remote)
        is_short = [word in {YES, "-", NOT_MADE} or word.isdecimal() for word in told]
        cells = [word if short else "no" for word, short in zip(told, is_short, strict=True)]
        print(_line(row.architecture, row.saved_by, *cells, row.read_with))
        for title, word, short in zip(_TITLES[1:], told, is_short, strict=False):
            if not short:
                print(f"    {title}: {word}", flush=True)


def _line(name: str, *cells: str) -> str:
    return f"{name:<42}" + "".join(f"{cell:>{_WIDTH}}" for cell in cells)


if __name__ == "__main__":
    main()
