"""Speed of downloads over loopback: `python -m tests.benchmarks.transfer [FOLDER]`.

2 GB from the fastest possible storage, compared with `curl` and `hf download`; hashing is
included in ours. Then the same from one with a delay and a limit per connection, over one
connection and over several.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from app.hub.client import HubClient
from app.hub.reference import RepositoryReference
from app.hub.repository import fetch_repository
from app.hub.snapshot import RetryPolicy, Snapshot
from app.hub.transfer import Transfer
from app.hub.transfer_policy import TransferPolicy
from tests.support.hub.fast_storage import Pace, fast_storage
from tests.support.hub.local_hub import LocalHub

SIZE = 2 * 10**9

ROUNDS = 3
SLOW = Pace(delay_seconds=0.02, bytes_per_second=40 * 10**6)
REPOSITORY = "owner/name"
NAME = "model.gguf"


class FastHub(LocalHub):
    """A Hub whose storage is fast."""

    def __init__(self, storage_endpoint: str) -> None:
        super().__init__()
        self._fast = storage_endpoint

    @property
    def storage_endpoint(self) -> str:
        return self._fast


def main() -> None:
    """Print both comparisons."""
    parent = sys.argv[1] if len(sys.argv) > 1 else None
    with tempfile.TemporaryDirectory(dir=parent) as name:
        served, target = Path(name, "served"), Path(name, "target")
        served.mkdir()
        _write_random(served / NAME, SIZE)
        with _running(served, Pace()) as hub:
            _compare(hub, target)
        with _running(served, SLOW) as hub:
            _compare_connections(hub, target)


def _compare(hub: FastHub, target: Path) -> None:
    ways = {
        "gristmill": lambda: _ours(hub, target, TransferPolicy()),
        "gristmill, one connection": lambda: _ours(hub, target, TransferPolicy(connections=1)),
        "curl": lambda: _curl(hub, target),
        "hf download": lambda: _official(hub, target),
    }
    speeds: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(ROUNDS):
        for way, fetch in ways.items():
            speeds[way].append(SIZE / _seconds(fetch, target) / 1e6)
    medians = {way: statistics.median(measured) for way, measured in speeds.items()}
    fastest = max(medians["curl"], medians["hf download"])
    print(f"{SIZE / 1e9:.0f} GB, medians of {ROUNDS} rounds")
    for way, median in medians.items():
        spread = f"{min(speeds[way]):.0f} to {max(speeds[way]):.0f}"
        print(f"{way:28}{median:7.0f} MB/s ({spread}){median / fastest:8.2f} of the faster other")


def _compare_connections(hub: FastHub, target: Path) -> None:
    print(f"{SIZE / 1e9:.0f} GB, 20 ms delay, 40 MB/s per connection")
    alone = 0.0
    for connections in (1, 2, 4):
        policy = TransferPolicy(connections=connections)
        seconds = _seconds(lambda policy=policy: _ours(hub, target, policy), target)
        alone = alone or seconds
        speed = SIZE / seconds / 1e6
        print(f"{connections} connections{speed:20.0f} MB/s{alone / seconds:8.2f} times one")


def _seconds(fetch: Callable[[], None], target: Path) -> float:
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    began = time.monotonic()
    fetch()
    seconds = time.monotonic() - began
    assert any(file.stat().st_size == SIZE for file in target.rglob(NAME))
    return seconds


def _ours(hub: FastHub, target: Path, policy: TransferPolicy) -> None:
    info = fetch_repository(RepositoryReference(REPOSITORY), None)
    retries = RetryPolicy()
    with HubClient(hub.endpoint, None, retries.stall_seconds) as client:
        snapshot = Snapshot(client, info.repository, info.commit, lambda _: None, retries)
        Transfer(snapshot, policy).fetch(info.files[0], target / NAME, lambda _: None)


def _curl(hub: FastHub, target: Path) -> None:
    address = f"{hub.endpoint}/{REPOSITORY}/resolve/main/{NAME}"
    subprocess.run(["curl", "-sSfL", "-o", target / NAME, address], check=True)


def _official(hub: FastHub, target: Path) -> None:
    tool = Path(sys.executable).with_name("hf")
    command = [tool, "download", REPOSITORY, NAME, "--local-dir", target]
    environment = os.environ | {"HF_HOME": str(target / "cache"), "HF_HUB_DISABLE_XET": "1"}
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)


@contextmanager
def _running(served: Path, pace: Pace) -> Iterator[FastHub]:
    with fast_storage(served, pace) as address, FastHub(address) as hub:
        os.environ["HF_ENDPOINT"] = hub.endpoint
        hub.add_repository(REPOSITORY, served)
        yield hub


def _write_random(file: Path, size_bytes: int) -> None:
    block = os.urandom(2**24)
    with file.open("wb") as content:
        for start in range(0, size_bytes, len(block)):
            content.write(block[: size_bytes - start])


if __name__ == "__main__":
    main()
