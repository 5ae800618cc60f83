"""Cost of converting 1.2 billion weights while they download at 100 MB/s, compared with afterwards.

Run: `python -m tests.benchmarks.streamed_conversion [LEVEL]` after `make setup`; needs 6 GB of disk
space. `get` is compared with `download` and then `convert`, with the transfer alone and with the
conversion alone; the files are compared byte by byte.
"""

from __future__ import annotations

import filecmp
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.core.levels import DEFAULT_LEVEL
from tests.benchmarks.transfer import FastHub
from tests.support.hub.fast_storage import Pace, fast_storage
from tests.support.machine.installed import lend_converter

_MAKE = """
import sys, pathlib
from tests.support.checkpoints.checkpoints import make_tiny_checkpoint
make_tiny_checkpoint(
    pathlib.Path(sys.argv[1]), width=2048, layers=28, vocabulary=32_000, shards=2
)
"""
_NAME = "owner/model"
_MEGABYTES = 100
"""Of a download in a second."""
_LOOK_SECONDS = 0.05


@dataclass(frozen=True)
class StreamCost:
    """The cost of a command: seconds, peak resident memory and peak disk usage in bytes."""

    seconds: float
    peak_bytes: int
    disk_bytes: int


def main() -> None:
    """Print a table."""
    level = sys.argv[1] if len(sys.argv) > 1 else DEFAULT_LEVEL
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        served = folder / "served" / "model"
        # In a separate process, since the peak of a child starts with the memory of its parent.
        subprocess.run([sys.executable, "-c", _MAKE, str(served)], check=True)
        with _running(served) as hub:
            costs = _measure(hub, folder, level)
        streamed, made = (folder / where / f"model-{level}.gguf" for where in ("got", "made"))
        is_same = filecmp.cmp(streamed, made, shallow=False)
        file_bytes = streamed.stat().st_size
    _print(level, costs, is_same=is_same, file_bytes=file_bytes)


def _measure(hub: FastHub, folder: Path, level: str) -> dict[str, StreamCost]:
    chosen = ("--level", level)
    apart, together = folder / "apart", folder / "together"
    return {
        "download": _run(hub, apart, folder, "download", _NAME),
        "convert": _run(
            hub,
            apart,
            folder,
            "convert",
            str(apart / "checkpoints" / _NAME),
            *chosen,
            "--to",
            str(folder / "made"),
        ),
        "get": _run(hub, together, folder, "get", _NAME, *chosen, "--to", str(folder / "got")),
    }


def _run(hub: FastHub, home: Path, watched: Path, *arguments: str) -> StreamCost:
    home.mkdir(exist_ok=True)
    if not (home / "converter").exists():
        lend_converter(home)
        # Of all connections together.
        (home / "settings.json").write_text(json.dumps({"download_speed_limit": _MEGABYTES}))
    environment = os.environ | {"GRISTMILL_HOME": str(home), "HF_ENDPOINT": hub.endpoint}
    before = _used_bytes(watched)
    began = time.monotonic()
    child = subprocess.Popen(
        [sys.executable, "-m", "app", *arguments],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    with _watched(watched) as peak:
        _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0, arguments
    seconds = time.monotonic() - began
    return StreamCost(seconds, used.ru_maxrss * 1024, max(peak) - before)


@contextmanager
def _watched(folder: Path) -> Iterator[list[int]]:
    """Collect the space that the files of a folder take, until the block ends."""
    found = [0]
    is_over = threading.Event()

    def look() -> None:
        while not is_over.wait(_LOOK_SECONDS):
            found.append(_used_bytes(folder))

    looker = threading.Thread(target=look)
    looker.start()
    try:
        yield found
    finally:
        is_over.set()
        looker.join()


def _used_bytes(folder: Path) -> int:
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(Path(root, name)).st_blocks * 512
            except FileNotFoundError:
                continue
    return total


@contextmanager
def _running(served: Path) -> Iterator[FastHub]:
    with fast_storage(served, Pace()) as address, FastHub(address) as hub:
        hub.add_repository(_NAME, served)
        yield hub


def _print(level: str, costs: dict[str, StreamCost], *, is_same: bool, file_bytes: int) -> None:
    print(f"{level}, {file_bytes / 1e6:,.0f} MB; files {'equal' if is_same else 'DIFFERENT'}")
    print(f"{'':<28}{'seconds':>9}{'peak memory':>14}{'peak disk':>12}")
    for label, cost in costs.items():
        memory, disk = cost.peak_bytes / 1e6, cost.disk_bytes / 1e6
        print(f"{label:<28}{cost.seconds:>9.1f}{memory:>11,.0f} MB{disk:>9,.0f} MB")
    apart = costs["download"].seconds + costs["convert"].seconds
    longer = max(costs["download"].seconds, costs["convert"].seconds)
    together = costs["get"].seconds
    print(f"get takes {together / apart:.2f} of both, {together / longer:.2f} of the longer one")


if __name__ == "__main__":
    main()
