"""The current user's connections to the Hub's API, kept open from one request to the next."""

from __future__ import annotations

import threading

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

    def take(self) -> HubApi:
        """Return an `HubApi` that nobody else uses, with the access token of now."""
        token = read_token()
        with self._lock:
            if token != self._token:
                self._token, self._idle = token, []
            if self._idle:
                return self._idle.pop()
        client = HubClient(hub_endpoint(), token, _STALL_SECONDS)
        return HubApi(client, token, self._cache, self._limits)

    def give_back(self, api: HubApi) -> None:
        """Keep an `HubApi` for the next request, or close it."""
        with self._lock:
            if not api.is_aborted and len(self._idle) < _MAX_IDLE:
                self._idle.append(api)
                return
        api.close()
