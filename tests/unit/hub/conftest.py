"""Connections to the Hub on loopback."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.hub.answer_cache import AnswerCache
from app.hub.client import HubClient
from app.hub.hub_api import HubApi, RateLimits
from tests.support.hub.local_hub import LocalHub

OpenApi = Callable[..., HubApi]


@pytest.fixture
def open_api(hub: LocalHub, tmp_path: Path) -> Iterator[OpenApi]:
    """Open connections to the Hub; all have the same saved answers."""
    opened: list[HubApi] = []

    def open_one(token: str | None = None, stall_seconds: float = 10.0) -> HubApi:
        client = HubClient(hub.endpoint, token, stall_seconds)
        opened.append(HubApi(client, token, AnswerCache(tmp_path / "answers"), RateLimits()))
        return opened[-1]

    yield open_one
    for api in opened:
        api.close()


@pytest.fixture
def api(open_api: OpenApi) -> HubApi:
    return open_api()
