"""Scan of a library with many damaged and hostile files: time, memory, and reasons given.

Run: `python -m tests.benchmarks.library_scan [MODELS [SEED]]`. 30% of the files are hostile: the
handcrafted ones of llama.cpp's own tests, then mutations, then headers that claim as much as a
header may. The others have the header of a usual model. Each scan is a `models list` of its own.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import islice
from multiprocessing import get_context
from pathlib import Path

from app.core.event_lines import decode_event
from app.core.events import Event, ModelListed
from app.core.sentences import describe_error
from app.jobs.launch import command_line
from app.library.listed_model import read_listed_model
from tests.support.engine.tiny_model import write_tiny_model
from tests.support.gguf.gguf_parts import parts_of
from tests.support.gguf.handcrafted_gguf import GOOD, handcrafted, names
from tests.support.gguf.heavy_gguf import heavy_files, usual_header
from tests.support.gguf.hostile_gguf import mutation

MODELS, SEED = 1000, 0
HOSTILE_SHARE = 0.3
MOST_MS, MOST_BYTES, MOST_SECONDS = 50.0, 200e6, 0.3


@dataclass(frozen=True)
class Scan:
    """One scan in a child: its list, its seconds, processor seconds, and peak memory."""

    events: tuple[Event, ...]
    seconds: float
    processor_seconds: float
    peak_bytes: int


def main() -> None:
    """Print the figures of a first and of a second scan."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else MODELS
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else SEED
    with tempfile.TemporaryDirectory() as name:
        os.environ["GRISTMILL_HOME"] = str(Path(name, "home"))
        empty = scanned()
        # A child's peak counts what its parent had when it was started.
        with ProcessPoolExecutor(1, get_context("spawn")) as other:
            task = other.submit(write_library, Path(name, "home", "models"), count, seed)
            hostile = task.result()
        first, second = scanned(), scanned()
    valid = count - len(hostile)
    listed = {Path(e.path).name: e for e in first.events if isinstance(e, ModelListed)}
    unnamed = [name for name in hostile if listed[name].problem is None]
    wrong = [n for n, e in listed.items() if n not in hostile and e.problem is not None]
    print(f"{valid} valid models, {len(hostile)} hostile ones; {len(listed)} files listed")
    print(f"without models: {empty.seconds:.2f} s, {empty.peak_bytes / 1e6:.0f} MB")
    own = first.seconds - empty.seconds
    busy = first.processor_seconds - empty.processor_seconds
    print(
        f"first scan: {first.seconds:.2f} s, {1000 * own / valid:.1f} ms per valid model (allowed: "
        f"{MOST_MS:.0f}), {1000 * busy / valid:.1f} ms of them on a processor; "
        f"{first.peak_bytes / 1e6:.0f} MB (allowed: {MOST_BYTES / 1e6:.0f})"
    )
    print(
        f"second scan: {second.seconds:.2f} s with the start of the program, "
        f"{second.seconds - empty.seconds:.2f} s without (allowed: {MOST_SECONDS})"
    )
    print(f"hostile files without a reason: {unnamed or 'none'}; valid ones with one: {wrong}")
    for name in list(hostile)[:: max(1, len(hostile) // 12)]:
        event = listed[name]
        print(f"  {name}: {describe_error(event.problem, event.details) if event.problem else ''}")


def write_library(folder: Path, count: int, seed: int) -> frozenset[str]:
    """Write `count` models into folders of several layouts; return the names of hostile ones."""
    folder.mkdir(parents=True)
    wanted = int(count * HOSTILE_SHARE)
    hostile = set()
    for number, content in enumerate(islice(_hostile_files(folder, seed), wanted)):
        name = f"hostile-{number:03}.gguf"
        path = folder / f"owner-{number % 7}" / f"repository-{number % 31}" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        hostile.add(name)
    content = usual_header()
    for number in range(count - wanted):
        path = folder / f"by-{number % 40}" / f"Model-{number:03}-Q4_K_M.gguf"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return frozenset(hostile)


def _hostile_files(folder: Path, seed: int) -> Iterator[bytes]:
    """Yield contents that the check of headers refuses."""
    probe = folder / "probe"
    for content in _contents(folder, seed):
        probe.write_bytes(content)
        listed = read_listed_model(probe)
        probe.unlink()
        if listed is not None and listed.problem is not None:
            yield content


def _contents(folder: Path, seed: int) -> Iterator[bytes]:
    yield from heavy_files()
    for stage, fault in names():
        if fault not in GOOD:
            yield handcrafted(stage, fault, 0)
    model = parts_of(write_tiny_model(folder / "good"))
    (folder / "good").unlink()
    number = 0
    while True:
        yield mutation(model, seed, number)
        number += 1


def scanned() -> Scan:
    """List the library in a child."""
    before = time.monotonic()
    with subprocess.Popen(
        command_line("models", "list"), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        events = tuple(decode_event(line) for line in child.stdout)
        seconds = time.monotonic() - before
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0
    busy = usage.ru_utime + usage.ru_stime
    return Scan(events, seconds, busy, usage.ru_maxrss * 1024)


if __name__ == "__main__":
    main()
