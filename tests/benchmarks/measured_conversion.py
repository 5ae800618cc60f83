"""Time and memory of files that are made by measuring the model, step by step.

Run: `python -m tests.benchmarks.measured_conversion [--layers N] [--way WAY …]` after `make setup`.
The model has 1.2 billion random weights in 28 layers; with fewer layers it is smaller.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import psutil

from app.core.allocation_events import MeasuringPlanned
from app.core.events import Event
from app.core.sizes import about
from tests.support.checkpoints.checkpoints import make_tiny_checkpoint, run_apart
from tests.support.machine.verbs import started

_WAYS = {
    "chosen types": ("--target-bits", "4.5"),
    "corrected": ("--level", "Q4_K_M", "--correct"),
    "both": ("--target-bits", "4.5", "--correct"),
    "both, tuned": ("--target-bits", "2.7", "--correct", "--tune"),
}
_GRADIENTS = "measure-gradients"
_POLL_SECONDS = 0.2


class Cost(NamedTuple):
    """The processor time of a process in seconds, and its peak resident memory in bytes."""

    cpu_seconds: float
    peak_bytes: int


def main() -> None:
    """Convert in each way, and print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--layers", type=int, default=28)
    parser.add_argument("--way", action="append", choices=_WAYS)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run_apart("tests.benchmarks.measured_conversion", "make", str(given.layers), name)
        head = f"{'way':<14}{'told':>9}{'seconds':>9}{'peak memory':>14}"
        print(f"{head}  processor seconds of each process")
        for way in given.way or _WAYS:
            _print_way(folder, way)


def _print_way(folder: Path, way: str) -> None:
    began = time.monotonic()
    words = (*_WAYS[way], "--to", str(folder / "file.gguf"), "--overwrite")
    with started("convert", str(folder / "model"), *words) as child:
        watch = Watch(child.process.pid)
        assert child.end() == 0, child.log()
        costs = watch.end()
        told = ", ".join(_told(child.events))
    seconds = time.monotonic() - began
    peak_bytes = max(cost.peak_bytes for cost in costs)
    processes = " + ".join(f"{cost.cpu_seconds:.0f}" for cost in costs)
    print(f"{way:<14}{told:>9}{seconds:>9.0f}{peak_bytes / 1e9:>11.2f} GB  {processes}", flush=True)


def _told(events: Iterable[Event]) -> Iterator[str]:
    """Yield the predicted durations."""
    for event in events:
        if isinstance(event, MeasuringPlanned):
            yield about(event.seconds)


class Watch:
    """Looks at the processes of a conversion that compute gradients, until it ends."""

    def __init__(self, pid: int) -> None:
        self._parent = psutil.Process(pid)
        self._costs: dict[int, Cost] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def end(self) -> list[Cost]:
        """Return the costs in the order in which the processes started."""
        self._ended.set()
        self._thread.join()
        return list(self._costs.values())

    def _run(self) -> None:
        while not self._ended.wait(_POLL_SECONDS):
            try:
                self._look()
            except psutil.Error:
                # It has ended.
                continue

    def _look(self) -> None:
        for process in self._parent.children():
            if _GRADIENTS in process.cmdline():
                times, memory = process.cpu_times(), process.memory_info()
                before = self._costs.get(process.pid, Cost(0, 0))
                peak_bytes = max(before.peak_bytes, memory.rss)
                self._costs[process.pid] = Cost(times.user + times.system, peak_bytes)


def _make(layers: int, folder: Path) -> None:
    make_tiny_checkpoint(folder / "model", width=2048, layers=layers, vocabulary=32_000)


if __name__ == "__main__":
    if sys.argv[1:2] == ["make"]:
        _make(int(sys.argv[2]), Path(sys.argv[3]))
    else:
        main()
