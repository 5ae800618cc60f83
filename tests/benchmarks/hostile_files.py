"""Damaged and hostile GGUF files, each loaded in a child to generate one token.

Run: `python -m tests.benchmarks.hostile_files [COUNT [SEED]]`. First come the handcrafted files of
llama.cpp's own tests, on their own and within a model, then COUNT mutations of a small valid model.
Each file must load or fail with a reason within 10 s; the same COUNT and SEED yield the same files.
"""

from __future__ import annotations

import collections
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.support.engine.tiny_model import write_tiny_model
from tests.support.gguf.gguf_parts import Parts, parts_of, with_byte_pairs
from tests.support.gguf.handcrafted_gguf import handcrafted, names
from tests.support.gguf.hostile_children import (
    DIED,
    LATE,
    LOADED,
    MOST_SECONDS,
    UNNAMED,
    End,
    serve_once,
)
from tests.support.gguf.hostile_gguf import KINDS, kind_of, mutation

COUNT = 2000
SEED = 0
_CHILDREN = 2
_WORTH_TELLING = (DIED, LATE, UNNAMED)


@dataclass(frozen=True)
class _File:
    kind: str
    name: str
    make: Callable[[], bytes]


def main() -> None:
    """Print two tables, and every file that crashed the engine."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else COUNT
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else SEED
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["GRISTMILL_HOME"] = str(folder / "home")
        (folder / "home").mkdir()
        model = parts_of(write_tiny_model(folder / "good.gguf"))
        print(f"the model itself: {serve_once(folder / 'good.gguf').kind}")
        print("\nthe files of llama.cpp's tests/test-gguf.cpp")
        _show(_run(folder, _handcrafted(model)))
        print(f"\n{count} mutations with seed {seed}")
        _show(_run(folder, _mutations(model, count, seed)))


def _handcrafted(model: Parts) -> Iterator[_File]:
    for place, parts in (("alone", None), ("within a model", model)):
        for stage, fault in names():
            make = partial(handcrafted, stage, fault, 0, parts)
            yield _File(f"{stage} {place}", f"{stage}_{fault} {place}", make)


def _mutations(model: Parts, count: int, seed: int) -> Iterator[_File]:
    models = (model, with_byte_pairs(model))
    for number in range(count):
        parts = models[number // KINDS % len(models)]
        yield _File(kind_of(number), f"number {number}", partial(mutation, parts, seed, number))


def _run(folder: Path, files: Iterator[_File]) -> list[tuple[str, End]]:
    def serve(file: _File) -> tuple[str, End]:
        path = folder / f"{file.name}.gguf"
        path.write_bytes(file.make())
        end = serve_once(path)
        path.unlink()
        if end.kind in _WORTH_TELLING:
            print(f"{file.kind}, {file.name}: {end.kind}: {end.reason}", flush=True)
        return file.kind, end

    with ThreadPoolExecutor(_CHILDREN) as pool:
        return list(pool.map(serve, files))


def _show(ends: list[tuple[str, End]]) -> None:
    counts = collections.Counter((kind, end.kind) for kind, end in ends)
    codes = sorted({end.kind for _, end in ends} - {LOADED, *_WORTH_TELLING})
    columns = (LOADED, *codes, *_WORTH_TELLING)
    print(f"{'':<30}" + "".join(f"{column:>16}" for column in columns))
    for kind in dict(ends):
        print(f"{kind:<30}" + "".join(f"{counts[kind, column]:>16}" for column in columns))
    totals = collections.Counter(end.kind for _, end in ends)
    print(f"{'all ' + str(len(ends)):<30}" + "".join(f"{totals[c]:>16}" for c in columns))
    slowest = max(end.seconds for _, end in ends)
    print(f"slowest {slowest:.1f} s, without the imports (allowed: {MOST_SECONDS} s)")


if __name__ == "__main__":
    main()
