"""Requests for files of a repository at one commit, and the retry policy."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus

import httpx2

from app.core.errors import AppError, ErrorCode, ErrorDetails, NoticeCode
from app.core.events import Event, NoticeReported
from app.core.language import tr
from app.hub.body import read_body
from app.hub.client import HubClient
from app.hub.failures import refusal, request_failure, unreachable
from app.hub.hub_address import file_address
from app.hub.reference import RepositoryReference
from app.hub.repository import RepositoryFile
from app.hub.speed_limit import SpeedLimit

_LONGEST_WAIT_SECONDS = 300.0
_EXPIRED = frozenset(
    {
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.GONE,
    }
)
"""Answers of a storage to an address whose signature is no longer valid."""
_TRANSIENT = frozenset(
    {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
)


@dataclass(frozen=True)
class RetryPolicy:
    """Timeout and retry limits for network requests.

    `stall_seconds` is the longest time without data; it gives up after `max_attempts` attempts
    without a new byte.
    """

    stall_seconds: float = 30.0
    first_pause_seconds: float = 0.5
    longest_pause_seconds: float = 30.0
    max_attempts: int = 10

    def backoff_seconds(self, failures: int) -> float:
        """Return the pause after this many consecutive failures."""
        return min(self.longest_pause_seconds, self.first_pause_seconds * 2.0 ** (failures - 1))


class AttemptFailed(Exception):  # noqa: N818 - not an error yet: the transfer continues
    """An attempt failed; another one may succeed after `wait_seconds`."""

    def __init__(self, reason: str, wait_seconds: float = 0.0, *, is_network: bool = True) -> None:
        super().__init__(reason)
        self.reason = reason
        self.wait_seconds = wait_seconds
        self.is_network = is_network


class Snapshot:
    """Files of one repository at one commit; thread-safe."""

    def __init__(
        self,
        client: HubClient,
        repository: str,
        commit: str,
        report: Callable[[Event], None],
        retry_policy: RetryPolicy,
        limit: SpeedLimit | None = None,
    ) -> None:
        self.repository = repository
        self.commit = commit
        self._client = client
        self._reference = RepositoryReference(repository, commit)
        self._report = report
        self._retry_policy = retry_policy
        self._limit = limit or SpeedLimit()
        self._stored: dict[str, str] = {}

    @contextmanager
    def head(self, file: RepositoryFile) -> Iterator[httpx2.Response]:
        """Request the Hub's own headers for a file."""
        with self._client.head(self._address_of(file)) as response:
            yield response

    @contextmanager
    def get(self, file: RepositoryFile, headers: Mapping[str, str]) -> Iterator[httpx2.Response]:
        """Request a file; the caller reads the body.

        The address in the storage is asked for once, and again when it has expired or the block
        fails.
        """
        try:
            with self._opened(file, headers) as response:
                yield response
        except (AttemptFailed, httpx2.HTTPError):
            self._stored.pop(file.path, None)
            raise

    def body(self, response: httpx2.Response) -> Iterator[bytes]:
        """Return the body of a response, no faster than the speed limit allows."""
        for chunk in read_body(response):
            self._limit.spend(len(chunk))
            yield chunk

    def require_unchanged(self, file: RepositoryFile) -> None:
        """Check that the Hub still has the file that it listed.

        Raises:
            AttemptFailed: The next attempt may succeed.
            AppError: `hub_answer` for another file, and what `require_success` raises.
        """
        with self.head(file) as response:
            self.require_success(response, file)
            commit = response.headers.get("X-Repo-Commit", self.commit)
            size_bytes = response.headers.get("X-Linked-Size", str(file.size_bytes))
            sha256 = response.headers.get("X-Linked-Etag", "").strip('"')
        is_other = bool(file.sha256) and len(sha256) == len(file.sha256 or "")
        is_other = is_other and sha256 != file.sha256
        if commit != self.commit or size_bytes != str(file.size_bytes) or is_other:
            raise AppError(
                ErrorCode.HUB_ANSWER, reason=tr("a different {file} than announced", file=file.path)
            )

    def require_success(self, response: httpx2.Response, file: RepositoryFile) -> None:
        """Check the status of a response.

        Raises:
            AttemptFailed: The next attempt may succeed.
            AppError: `repository_gated`, `hub_answer` and the like.
        """
        status = response.status_code
        if status < HTTPStatus.BAD_REQUEST:
            return
        # The storage refuses when the address that the Hub signed has expired.
        if status in _TRANSIENT or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise AttemptFailed(tr("status {status}", status=status), _retry_after(response))
        if not self._client.is_hub(response):
            raise AttemptFailed(
                tr("status {status} from its storage", status=status), is_network=False
            )
        if response.headers.get("X-Error-Code") == "EntryNotFound":
            raise AppError(
                ErrorCode.HUB_ANSWER, reason=tr("it no longer has {file}", file=file.path)
            )
        raise refusal(status, response.headers, self._reference)

    def pause(
        self, file: RepositoryFile, error: AttemptFailed | httpx2.HTTPError, failures: int
    ) -> None:
        """Wait before the next attempt, after `failures` consecutive failed ones.

        Raises:
            AppError: `hub_unreachable` or `hub_answer` after the last attempt.
        """
        failure = (
            error if isinstance(error, AttemptFailed) else AttemptFailed(request_failure(error))
        )
        if failures >= self._retry_policy.max_attempts:
            if failure.is_network:
                raise unreachable(self._client.endpoint, failure.reason)
            raise AppError(ErrorCode.HUB_ANSWER, reason=failure.reason)
        seconds = max(self._retry_policy.backoff_seconds(failures), failure.wait_seconds)
        details: ErrorDetails = {
            "file": file.path,
            "reason": failure.reason,
            "seconds": max(1, round(seconds)),
        }
        self._report(NoticeReported(NoticeCode.DOWNLOAD_RETRIED, details))
        time.sleep(seconds)

    @contextmanager
    def _opened(
        self, file: RepositoryFile, headers: Mapping[str, str]
    ) -> Iterator[httpx2.Response]:
        if stored := self._stored.get(file.path):
            with self._client.get(stored, headers) as response:
                if response.status_code not in _EXPIRED:
                    yield response
                    return
        with self._client.get(self._address_of(file), headers) as response:
            if response.is_success and not self._client.is_hub(response):
                self._stored[file.path] = str(response.url)
            yield response

    def _address_of(self, file: RepositoryFile) -> str:
        return file_address(self._client.endpoint, self.repository, self.commit, file.path)


def _retry_after(response: httpx2.Response) -> float:
    text = response.headers.get("Retry-After", "")
    return min(float(text), _LONGEST_WAIT_SECONDS) if text.isdecimal() else 0.0
