from __future__ import annotations

import random
from pathlib import Path

import pytest

from app.core.errors import AppError, ErrorCode
from app.hub.byte_stream import stream_file
from app.hub.client import HubClient
from app.hub.reference import RepositoryReference
from app.hub.repository import RepositoryFile, fetch_repository
from app.hub.snapshot import RetryPolicy, Snapshot
from tests.support.hub.local_hub import LocalHub

SIZE = 1_500_000
CONTENT = random.Random(1).randbytes(SIZE)
PATIENT = RetryPolicy(stall_seconds=1.0, first_pause_seconds=0.01, max_attempts=4)
SEGMENT = {"over one connection": SIZE, "in segments": 100_000}
HARMLESS: dict[str, dict[str, int | bool]] = {
    "nothing": {},
    "ranges are ignored": {"ignore_range": True},
    "some ranges are refused": {"refuses_ranges": 2},
    "all ranges are refused": {"status_416": True},
    "a byte is missing": {"short_body": 1},
    "the ETag changes": {"changing_etag": True},
    "the server fails": {"server_errors": 3},
    "the server is busy": {"rate_limits": 1},
    "the connection stalls": {"stalls": 1},
    "the connection drops": {"drop_every_bytes": 400_000},
    "the connection drops within segments": {"drop_every_bytes": 15_000},
    "it is compressed": {"gzip": True},
}


@pytest.fixture
def hub(hub: LocalHub, tmp_path: Path) -> LocalHub:
    (tmp_path / "model.safetensors").write_bytes(CONTENT)
    hub.add_repository("owner/name", tmp_path)
    return hub


def streamed(hub: LocalHub, start: int, segment_bytes: int) -> bytes:
    info = fetch_repository(RepositoryReference("owner/name"), None)
    file: RepositoryFile = info.files[0]
    with HubClient(hub.endpoint, None, PATIENT.stall_seconds) as client:
        snapshot = Snapshot(client, info.repository, info.commit, lambda _: None, PATIENT)
        return b"".join(stream_file(snapshot, file, start, segment_bytes=segment_bytes))


@pytest.mark.parametrize("start", [0, 123_457])
@pytest.mark.parametrize("way", SEGMENT)
@pytest.mark.parametrize("fault", HARMLESS)
def test_the_bytes_are_right_whatever_the_server_does(
    fault: str, way: str, start: int, hub: LocalHub
) -> None:
    for name, value in HARMLESS[fault].items():
        setattr(hub.faults, name, value)
    assert streamed(hub, start, SEGMENT[way]) == CONTENT[start:]


@pytest.mark.parametrize("way", SEGMENT)
def test_a_server_that_sends_other_ranges_is_asked_for_everything(way: str, hub: LocalHub) -> None:
    hub.faults.wrong_content_range = True
    assert streamed(hub, 123_457, SEGMENT[way]) == CONTENT[123_457:]


@pytest.mark.parametrize("way", SEGMENT)
def test_a_server_that_fails_for_good_is_named(way: str, hub: LocalHub) -> None:
    hub.faults.server_errors = 1000
    with pytest.raises(AppError) as error:
        streamed(hub, 0, SEGMENT[way])
    assert error.value.code is ErrorCode.HUB_UNREACHABLE
