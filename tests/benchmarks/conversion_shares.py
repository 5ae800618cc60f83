"""Where the time of a conversion goes: what is read, widened, searched and written.

Run: `python -m tests.benchmarks.conversion_shares SOURCE TARGET LEVEL THREADS`; prints a table.
Seconds of work are those of all threads together, without waiting.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import Any

from app.cli.main import run_command_line
from app.conversion import pipeline, writer
from app.conversion.layout.stored_rows import StoredRows

_SHARES = ("reading", "widening", "search", "writing")
_seconds: Counter[str] = Counter()
_lock = threading.Lock()


def main() -> None:
    """Convert, and print a table."""
    source, target, level, threads = sys.argv[1:]
    # The verb keeps its own copy of the standard output, and leaves none to others.
    output = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    _count_work()
    arguments = ["convert", source, "--to", target, "--level", level, "--threads", threads]
    began = time.monotonic()
    assert run_command_line(arguments) == 0
    total = time.monotonic() - began
    work = sum(_seconds[name] for name in _SHARES)
    lines = [f"{name:<36}{_seconds[name]:>9.2f}{_seconds[name] / work:>8.0%}" for name in _SHARES]
    lines.append(f"{'in all, after the start of Python':<36}{total:>9.2f}")
    lines.append(f"{'before the first tensor':<36}{_seconds['first tensor'] - began:>9.2f}")
    with output:
        print(f"{'share of the work':<36}{'seconds':>9}", *lines, sep="\n", file=output)


def _count_work() -> None:
    StoredRows.read_bytes = _counted("reading", StoredRows.read_bytes)
    for module, name, share in (
        (writer, "dequantize_rows", "widening"),
        (writer, "quantize_rows", "search"),
    ):
        setattr(module, name, _counted(share, getattr(module, name)))
    write_models, open_atomically = pipeline.write_models, writer.open_atomically

    def write_counted(layout: Any, *arguments: Any) -> None:
        _seconds["first tensor"] = time.monotonic()
        tensors = (replace(it, load=_counted("reading", it.load)) for it in layout.tensors)
        write_models(replace(layout, tensors=tuple(tensors)), *arguments)

    @wraps(open_atomically)
    def open_counted(*arguments: Any) -> Any:
        return _CountedFile(open_atomically(*arguments))

    pipeline.write_models, writer.open_atomically = write_counted, open_counted


class _CountedFile:
    """A file whose writing is counted, its end on the disk included."""

    def __init__(self, opened: Any) -> None:
        self._opened = opened

    def __enter__(self) -> _CountedFile:
        self._file = self._opened.__enter__()
        self.write = _counted("writing", self._file.write)
        return self

    def __exit__(self, *error: Any) -> Any:
        return _counted("writing", self._opened.__exit__)(*error)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def _counted(share: str, work: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(work)
    def counted(*arguments: Any, **options: Any) -> Any:
        began = time.thread_time()
        try:
            return work(*arguments, **options)
        finally:
            with _lock:
                _seconds[share] += time.thread_time() - began

    return counted


if __name__ == "__main__":
    main()
