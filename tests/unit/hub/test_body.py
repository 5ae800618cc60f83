"""Bodies that are large enough to be read past the HTTP library."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from app.hub.body import read_body
from app.hub.client import HubClient
from tests.support.hub.local_hub import LocalHub

SIZE = 2**27 + 5


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[LocalHub]:
    with (tmp_path / "hollow.gguf").open("wb") as hollow:
        hollow.write(b"begin")
        hollow.seek(SIZE - 3)
        hollow.write(b"end")
    with LocalHub() as running:
        running.add_repository("owner/name", tmp_path)
        yield running


@contextmanager
def body_from(hub: LocalHub) -> Iterator[Iterator[bytes]]:
    with (
        HubClient(hub.endpoint, None, 0.5) as client,
        client.get(f"{hub.endpoint}/owner/name/resolve/main/hollow.gguf", {}) as response,
    ):
        yield read_body(response)


def test_all_bytes_come(hub: LocalHub) -> None:
    with body_from(hub) as body:
        chunks = list(body)

    assert sum(map(len, chunks)) == SIZE
    assert chunks[0].startswith(b"begin")
    assert chunks[-1].endswith(b"end")


def test_silence_is_noticed(hub: LocalHub) -> None:
    hub.faults.stalls = 1

    with body_from(hub) as body, pytest.raises(httpx2.ReadTimeout):
        list(body)


def test_the_end_of_a_connection_ends_the_body(hub: LocalHub) -> None:
    hub.faults.drop_every_bytes = 10**7

    with body_from(hub) as body:
        assert sum(map(len, body)) == 10**7
