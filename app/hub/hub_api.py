"""Requests to the Hub's API and for its small files, with saved answers and within rate limits."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Generic, NamedTuple, TypeVar
from urllib.parse import urlencode

import httpx2

from app.core.errors import AppError, Canceled, ErrorCode
from app.core.language import tr
from app.core.network import require_network
from app.core.sizes import format_duration
from app.hub.answer_cache import AnswerCache
from app.hub.client import HubClient
from app.hub.failures import raising_hub_errors, refusal, unreachable
from app.hub.rate_limit import RateLimit
from app.hub.reference import RepositoryReference
from app.hub.repository import IS_OFFLINE

T = TypeVar("T")
Query = Iterable[tuple[str, str]]
SEARCH_SECONDS = 300.0
"""The freshness lifetime of an answer that may change at any time."""
COMMIT_SECONDS = 3600.0
"""The same for an answer about one commit, in which only the download count changes."""
_LARGEST_BYTES = 16 * 2**20
_ATTEMPTS = 2
_LONGEST_PAUSE_SECONDS = 5.0
_LONGEST_ANSWER_SECONDS = 25.0
_TRANSIENT = frozenset({ErrorCode.HUB_UNREACHABLE, ErrorCode.HUB_BUSY, ErrorCode.HUB_ANSWER})
_REFUSED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})


class _Known(NamedTuple, Generic[T]):
    value: T
    etag: str
    age_seconds: float


class Answer(NamedTuple, Generic[T]):
    """The value of an answer; outdated if it is an older one, since the Hub doesn't respond."""

    value: T
    is_outdated: bool = False


@dataclass(frozen=True)
class ApiRequest(Generic[T]):
    """A request to the Hub.

    Attributes:
        path: The path of the address, quoted.
        read: Turns the answer into a value; raises `ValueError` or the like for nonsense.
        query: The query of the address.
        about: The repository concerned, for errors.
        fresh_seconds: How old a saved answer may be.
        largest_bytes: A longer answer is cut off there.
    """

    path: str
    read: Callable[[bytes], T]
    query: Query = ()
    about: RepositoryReference | None = None
    fresh_seconds: float = SEARCH_SECONDS
    largest_bytes: int = _LARGEST_BYTES


@dataclass(frozen=True)
class RateLimits:
    """The limits of the API's requests and of those for files, which the Hub counts separately."""

    api: RateLimit = field(default_factory=RateLimit)
    files: RateLimit = field(default_factory=RateLimit)

    def of(self, path: str) -> RateLimit:
        """Return the limit of the requests for a path."""
        return self.api if path.startswith("/api/") else self.files


class HubApi:
    """Requests of one user; thread-safe."""

    def __init__(
        self, client: HubClient, token: str | None, cache: AnswerCache, limits: RateLimits
    ) -> None:
        self.endpoint = client.endpoint
        self._client = client
        self._token = token
        self._cache = cache
        self._limits = limits
        self._stopped = threading.Event()

    def abort(self) -> None:
        """End all requests at once, from any thread."""
        self._stopped.set()
        self._client.abort()

    @property
    def is_aborted(self) -> bool:
        """True after `abort`; the connections are of no more use."""
        return self._stopped.is_set()

    def close(self) -> None:
        """Close the connections; none may be in use."""
        self._client.close()

    def ask(self, request: ApiRequest[T]) -> Answer[T]:
        """Return the Hub's answer, or a saved one if it is fresh or the Hub doesn't respond.

        Raises:
            AppError: `hub_unreachable`, `hub_busy`, `hub_answer`, `token_invalid`, and about a
                repository `repository_not_found`, `repository_gated`, `revision_not_found`.
            Canceled: after `abort`.
        """
        known = self._known(request)
        if known is not None and 0 <= known.age_seconds < request.fresh_seconds:
            return Answer(known.value)
        try:
            with raising_hub_errors():
                return Answer(self._asked(request, known))
        except AppError as error:
            if known is None or error.code not in _TRANSIENT:
                raise
            return Answer(known.value, is_outdated=True)

    def is_refused(self, path: str) -> bool:
        """Return whether the Hub refuses to give this user a file; False if it doesn't respond."""
        try:
            self._require_online()
            with raising_hub_errors(), self._client.head(f"{self.endpoint}{path}") as response:
                self._limits.files.observe(response.status_code, response.headers)
                return response.status_code in _REFUSED
        except AppError:
            return False

    def _known(self, request: ApiRequest[T]) -> _Known[T] | None:
        """Return the saved answer; None if there is none, or it can't be read any more."""
        saved = self._cache.find(self._address_of(request), self._token)
        if saved is None:
            return None
        try:
            with raising_hub_errors():
                return _Known(request.read(saved.content), saved.etag, saved.age_seconds)
        except AppError:
            return None

    def _require_online(self) -> None:
        # The settings may have changed since the connections were made.
        require_network()
        if IS_OFFLINE:
            raise unreachable(self.endpoint, tr("HF_HUB_OFFLINE is set"))

    def _address_of(self, request: ApiRequest[T]) -> str:
        words = urlencode(list(request.query))
        return f"{self.endpoint}{request.path}" + (f"?{words}" if words else "")

    def _asked(self, request: ApiRequest[T], known: _Known[T] | None) -> T:
        self._require_online()
        address, limit = self._address_of(request), self._limits.of(request.path)
        headers = {"Accept-Encoding": "gzip"}
        if known is not None and known.etag:
            headers["If-None-Match"] = known.etag
        for _ in range(_ATTEMPTS):
            self._wait_for(limit)
            with self._client.get(address, headers) as response:
                limit.observe(response.status_code, response.headers)
                if response.status_code == HTTPStatus.NOT_MODIFIED and known is not None:
                    self._cache.renew(address, self._token)
                    return known.value
                if response.status_code != HTTPStatus.TOO_MANY_REQUESTS:
                    return self._received(response, address, request)
        raise _busy(limit)

    def _wait_for(self, limit: RateLimit) -> None:
        seconds = limit.seconds_left()
        if seconds > _LONGEST_PAUSE_SECONDS:
            raise _busy(limit)
        if self._stopped.wait(seconds):
            raise Canceled

    def _received(self, response: httpx2.Response, address: str, request: ApiRequest[T]) -> T:
        if response.status_code != HTTPStatus.OK:
            raise refusal(response.status_code, response.headers, request.about)
        content = self._content_of(response, request.largest_bytes)
        value = request.read(content)
        self._cache.save(address, self._token, content, response.headers.get("ETag", ""))
        return value

    def _content_of(self, response: httpx2.Response, largest_bytes: int) -> bytes:
        content, end = bytearray(), time.monotonic() + _LONGEST_ANSWER_SECONDS
        for piece in response.iter_bytes():
            content += piece
            if len(content) >= largest_bytes:
                break
            if time.monotonic() > end:
                raise unreachable(self.endpoint, tr("no response in time"))
        return bytes(content[:largest_bytes])


def _busy(limit: RateLimit) -> AppError:
    return AppError(ErrorCode.HUB_BUSY, duration=format_duration(limit.seconds_left()))
