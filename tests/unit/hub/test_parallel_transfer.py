"""Files that come over several connections, from servers that go wrong in every known way."""

from __future__ import annotations

import random
import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.core.errors import AppError, ErrorCode, NoticeCode
from app.core.events import Event, NoticeReported
from app.hub.client import HubClient
from app.hub.hub_address import hub_endpoint
from app.hub.reference import RepositoryReference
from app.hub.repository import RepositoryFile, fetch_repository
from app.hub.snapshot import RetryPolicy, Snapshot
from app.hub.speed_limit import SpeedLimit
from app.hub.transfer import Transfer
from app.hub.transfer_policy import TransferPolicy
from tests.support.hub.local_hub import LocalHub

SIZE = 3_000_000
SEGMENT = 200_000
QUICK = RetryPolicy(
    stall_seconds=0.5, first_pause_seconds=0.001, longest_pause_seconds=0.01, max_attempts=6
)
SMALL = TransferPolicy(
    parallel_above_bytes=1,
    smallest_segment=SEGMENT,
    largest_segment=SEGMENT,
    trial_seconds=0.0,
    needed_gain=0.0,
)


@pytest.fixture
def content(tmp_path: Path, hub: LocalHub) -> bytes:
    folder = tmp_path / "served"
    folder.mkdir()
    content = random.Random(1).randbytes(SIZE)
    (folder / "model.gguf").write_bytes(content)
    hub.add_repository("owner/name", folder)
    return content


def fetch(
    destination: Path,
    policy: TransferPolicy = SMALL,
    *,
    file: RepositoryFile | None = None,
    limit: SpeedLimit | None = None,
) -> list[Event]:
    events: list[Event] = []
    info = fetch_repository(RepositoryReference("owner/name"), None)
    with HubClient(hub_endpoint(), None, QUICK.stall_seconds) as client:
        snapshot = Snapshot(client, info.repository, info.commit, events.append, QUICK, limit)
        transfer = Transfer(snapshot, policy)
        transfer.fetch(file or info.files[0], destination, lambda _: None)
    return events


def retries(events: list[Event]) -> set[str]:
    return {
        str(event.details["reason"])
        for event in events
        if isinstance(event, NoticeReported) and event.code is NoticeCode.DOWNLOAD_RETRIED
    }


def ranges(hub: LocalHub) -> list[str]:
    served = [request for request in hub.file_requests() if request.server == "storage"]
    return [request.headers.get("range", "") for request in served]


def assert_alone(folder: Path, content: bytes) -> None:
    """Check that the file is right, and that no part or record is left."""
    assert [file.name for file in folder.iterdir()] == ["model.gguf"]
    assert (folder / "model.gguf").read_bytes() == content


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "target" / "model.gguf"


def test_segments_come_over_several_connections(
    hub: LocalHub, content: bytes, target: Path
) -> None:
    hub.faults.bytes_per_second = 3_000_000

    assert retries(fetch(target)) == set()

    assert len(ranges(hub)) > SIZE // SEGMENT // 3
    # The first connection gives up its reservation of all the rest when others join it.
    assert hub.sent_bytes() < SIZE + 4 * SEGMENT
    assert_alone(target.parent, content)


def test_the_address_in_the_storage_is_asked_for_once(
    hub: LocalHub, content: bytes, target: Path
) -> None:
    fetch(target)

    assert len([one for one in hub.file_requests() if one.server == "hub"]) == 1
    assert_alone(target.parent, content)


@pytest.mark.parametrize(
    "faults",
    [
        {"ignore_range": True},
        {"wrong_content_range": True},
        {"short_body": 3},
        {"gzip": True},
        {"status_416": True},
        {"refuses_ranges": 2},
        {"changing_etag": True},
        {"changing_etag": True, "ignore_if_range": True},
        {"other_host": True},
        {"uses_of_signature": 1},
        {"server_errors": 3},
        {"rate_limits": 1},
        {"stalls": 2},
        {"drop_every_bytes": 150_000},
        {"drop_every_bytes": 1_000_000},
        {"flipped_bits": 1},
        {"announces_too_much": 2},
    ],
    ids=str,
)
def test_whatever_a_server_does_the_file_is_right(
    hub: LocalHub, content: bytes, target: Path, faults: dict[str, Any]
) -> None:
    for fault, value in faults.items():
        setattr(hub.faults, fault, value)
    hub.faults.bytes_per_second = 50_000_000

    fetch(target)

    assert_alone(target.parent, content)


@pytest.mark.parametrize(
    ("fault", "value", "code"),
    [
        ("server_errors", 10**6, ErrorCode.HUB_UNREACHABLE),
        ("short_body", 10**6, ErrorCode.HUB_ANSWER),
        ("other_commit", True, ErrorCode.HUB_ANSWER),
        ("redirect_loop", True, ErrorCode.HUB_ANSWER),
        ("flipped_bits", 10**6, ErrorCode.DOWNLOAD_DAMAGED),
    ],
)
def test_faults_without_end_are_named(
    hub: LocalHub, content: bytes, target: Path, fault: str, value: Any, code: ErrorCode
) -> None:
    hub.faults.ignore_range = fault in ("short_body", "flipped_bits")
    setattr(hub.faults, fault, value)

    with pytest.raises(AppError) as caught:
        fetch(target)

    assert caught.value.code is code
    assert not list(target.parent.iterdir())


def test_an_expired_address_is_no_interruption(hub: LocalHub, content: bytes, target: Path) -> None:
    hub.faults.uses_of_signature = 2

    assert retries(fetch(target)) == set()
    assert_alone(target.parent, content)


def test_a_hundred_flipped_bits_are_mended(hub: LocalHub, content: bytes, tmp_path: Path) -> None:
    chance = random.Random(3)
    for number in range(100):
        hub.faults.flipped_offsets = {chance.randrange(SIZE)}
        target = tmp_path / str(number) / "model.gguf"
        fetch(target)
        assert not hub.faults.flipped_offsets
        assert_alone(target.parent, content)
        shutil.rmtree(target.parent)


def test_a_repair_ends_with_the_bad_segment(hub: LocalHub, content: bytes, target: Path) -> None:
    hub.faults.flipped_offsets = {SEGMENT + 1}
    hub.faults.bytes_per_second = 5_000_000

    fetch(target, replace(SMALL, connections=2))

    assert SIZE < hub.sent_bytes() < 2 * SIZE - SEGMENT
    assert_alone(target.parent, content)


def test_segments_that_have_arrived_are_not_fetched_again(
    hub: LocalHub, content: bytes, target: Path
) -> None:
    hub.faults.bytes_per_second = 20_000_000
    hub.faults.hold_after_bytes = SIZE // 2
    with pytest.raises(AppError):
        fetch(target)
    assert {file.suffix for file in target.parent.iterdir()} == {".part", ".json", ".segments"}
    hub.release()

    fetch(target)

    # What was on its way when the first connections closed counts as sent.
    assert hub.sent_bytes() < SIZE + SIZE // 3
    assert_alone(target.parent, content)


@pytest.mark.parametrize("record", [b"", bytes(8), b"\xff" * 8 * 15])
def test_damaged_counts_cost_a_download(
    hub: LocalHub, content: bytes, target: Path, record: bytes
) -> None:
    hub.faults.hold_after_bytes = SIZE // 2
    with pytest.raises(AppError):
        fetch(target)
    hub.release()
    target.with_name("model.gguf.part.segments").write_bytes(record)

    fetch(target)

    assert_alone(target.parent, content)


def test_part_damaged_on_the_disk_is_mended(hub: LocalHub, content: bytes, target: Path) -> None:
    hub.faults.hold_after_bytes = SIZE // 2
    with pytest.raises(AppError):
        fetch(target)
    hub.release()
    part = target.with_name("model.gguf.part")
    part.write_bytes(bytes(part.stat().st_size))

    fetch(target)

    assert_alone(target.parent, content)


def test_a_disk_that_fills_up_stops_the_download(
    hub: LocalHub, content: bytes, target: Path
) -> None:
    free = shutil.disk_usage(target.parents[1]).free
    with (target.parents[1] / "served" / "huge.gguf").open("wb") as hollow:
        hollow.truncate(free + 2**30)
    hub.add_repository("owner/name", target.parents[1] / "served")
    info = fetch_repository(RepositoryReference("owner/name"), None)
    huge = next(file for file in info.files if file.path == "huge.gguf")

    with pytest.raises(AppError) as caught:
        fetch(target, replace(SMALL, least_free_bytes=2**60), file=huge)

    assert caught.value.code is ErrorCode.DISK_FULL
    assert caught.value.details["needed_bytes"] > free


def test_all_connections_together_keep_the_speed_limit(
    hub: LocalHub, content: bytes, target: Path
) -> None:
    began = time.monotonic()

    fetch(target, limit=SpeedLimit(3 * SIZE))

    assert 0.2 < time.monotonic() - began < 2
    assert_alone(target.parent, content)
