"""The current user's connections to the Hub's API, kept open from one request to the next."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

from app.core import paths
from app.hub.access_token import read_token
from app.hub.answer_cache import AnswerCache
from app.hub.client import HubClient
from app.hub.hub_address import hub_endpoint
from app.hub.hub_api import HubApi, RateLimits

_STALL_SECONDS = 15.0
_MAX_IDLE = 3


class HubConnections:
    """Lends an `HubApi` to one request at a time; thread-safe."""

    def __init__(self) -> None:
        self._cache = AnswerCache(paths.hub_answers_folder())
        self._limits = RateLimits()
        self._lock = threading.Lock()
        self._token: str | None = None
        self._idle: list[HubApi] = []
        self._is_open = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections that are not in use; those of requests end with them."""
        with self._lock:
            self._is_open = False
            self._close_idle()

    @contextmanager
    def lent(self) -> Iterator[HubApi]:
        """Lend an `HubApi` that nobody else uses, with the current access token."""
        api = self._taken()
        try:
            yield api
        finally:
            self._give_back(api)

    def _taken(self) -> HubApi:
        token = read_token()
        with self._lock:
            if token != self._token:
                self._close_idle()
                self._token, self._limits = token, RateLimits()
            if self._idle:
                return self._idle.pop()
            limits = self._limits
        client = HubClient(hub_endpoint(), token, _STALL_SECONDS)
        return HubApi(client, token, self._cache, limits)

    def _close_idle(self) -> None:
        for api in self._idle:
            api.close()
        self._idle = []

    def _give_back(self, api: HubApi) -> None:
        with self._lock:
            if self._is_open and not api.is_aborted and len(self._idle) < _MAX_IDLE:
                self._idle.append(api)
                return
        api.close()
