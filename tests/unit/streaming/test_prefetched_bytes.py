from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path

import pytest

from app.hub.client import HubClient
from app.hub.reference import RepositoryReference
from app.hub.repository import RepositoryFile, fetch_repository
from app.hub.snapshot import RetryPolicy, Snapshot
from app.library.stream_journal import prefetched_folder
from app.streaming import prefetched_bytes
from app.streaming.prefetched_bytes import PrefetchedBytes
from tests.support.hub.local_hub import LocalHub

CONTENT = random.Random(1).randbytes(3_000_000)
SOME = 1_000_000


@pytest.fixture
def stream_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "stream"
    folder.mkdir()
    return folder


@pytest.fixture
def served(hub: LocalHub, tmp_path: Path) -> Iterator[tuple[Snapshot, RepositoryFile]]:
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(CONTENT)
    hub.add_repository("owner/name", folder)
    info = fetch_repository(RepositoryReference("owner/name"), None)
    with HubClient(hub.endpoint, None, 30) as client:
        yield (
            Snapshot(client, info.repository, info.commit, lambda _: None, RetryPolicy()),
            info.files[0],
        )


def take(stream: Iterator[bytes], size_bytes: int) -> int:
    """Take chunks until there are so many bytes; return how many there are."""
    taken = 0

    def is_short(chunk: bytes) -> bool:
        nonlocal taken
        taken += len(chunk)
        return taken < size_bytes

    for _ in takewhile(is_short, stream):
        pass
    return taken


def kept(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in prefetched_folder(folder).glob("*"))


def test_the_next_run_has_what_an_earlier_one_was_sent(
    hub: LocalHub, stream_folder: Path, served: tuple[Snapshot, RepositoryFile]
) -> None:
    taken = take(PrefetchedBytes(stream_folder).stream(*served, 0), SOME)
    assert kept(stream_folder) == CONTENT[:taken]
    hub.requests.clear()
    assert b"".join(PrefetchedBytes(stream_folder).stream(*served, 0)) == CONTENT
    ranges = [request.headers.get("range") for request in hub.requests if request.method == "GET"]
    assert ranges
    assert ranges == [f"bytes={taken}-"] * len(ranges)


def test_a_later_start_takes_the_rest_of_what_is_kept(
    stream_folder: Path, served: tuple[Snapshot, RepositoryFile]
) -> None:
    take(PrefetchedBytes(stream_folder).stream(*served, 0), SOME)
    assert b"".join(PrefetchedBytes(stream_folder).stream(*served, 500)) == CONTENT[500:]


def test_only_beginnings_are_kept(
    stream_folder: Path, served: tuple[Snapshot, RepositoryFile]
) -> None:
    take(PrefetchedBytes(stream_folder).stream(*served, 1), SOME)
    assert not prefetched_folder(stream_folder).exists()


def test_no_more_is_kept_than_allowed_and_nothing_after_the_end(
    monkeypatch: pytest.MonkeyPatch, stream_folder: Path, served: tuple[Snapshot, RepositoryFile]
) -> None:
    monkeypatch.setattr(prefetched_bytes, "PREFETCHED_BYTES", SOME)
    first = PrefetchedBytes(stream_folder)
    assert b"".join(first.stream(*served, 0)) == CONTENT
    assert kept(stream_folder) == CONTENT[:SOME]
    first.remove(served[1])
    first.close()
    assert b"".join(first.stream(*served, 0)) == CONTENT
    assert kept(stream_folder) == b""


def test_what_is_safe_is_released(
    stream_folder: Path, served: tuple[Snapshot, RepositoryFile]
) -> None:
    prefetched = PrefetchedBytes(stream_folder)
    taken = take(prefetched.stream(*served, 0), SOME)
    prefetched.release(served[1], taken - 1)
    assert len(kept(stream_folder)) == taken
    prefetched.release(served[1], taken)
    assert kept(stream_folder) == b""
