"""The transfer of one file: it goes on where an earlier one broke off, and verifies every byte."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import httpx2

from app.core.errors import AppError, ErrorCode, Facts, NoticeCode
from app.core.events import Event, Noticed
from app.core.files import named_failures
from app.hub.answers import in_few_words, refusal, unreachable
from app.hub.client import HubClient
from app.hub.endpoint import file_address
from app.hub.part import Part, keep_part, open_part, remove_empty_part, remove_part
from app.hub.reference import RepositoryReference
from app.hub.repository import RepositoryFile

_LONGEST_WAIT_SECONDS = 300.0
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")
_PASSING = frozenset(
    {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
)


@dataclass(frozen=True)
class Patience:
    """How long a transfer waits for the network before it gives up.

    `stall_seconds` is the longest silence; after `tries` breaks without one byte gained it ends.
    """

    stall_seconds: float = 30.0
    first_pause_seconds: float = 0.5
    longest_pause_seconds: float = 30.0
    tries: int = 10

    def pause_seconds(self, breaks: int) -> float:
        """The pause after so many breaks in a row."""
        return min(self.longest_pause_seconds, self.first_pause_seconds * 2.0 ** (breaks - 1))


class _Broken(Exception):  # noqa: N818 - not an error yet: the transfer goes on
    def __init__(self, reason: str, wait_seconds: float = 0.0, *, is_network: bool = True) -> None:
        super().__init__(reason)
        self.reason = reason
        self.wait_seconds = wait_seconds
        self.is_network = is_network


class Transfer:
    """Fetches the files of one repository at one commit."""

    def __init__(
        self,
        client: HubClient,
        repository: str,
        commit: str,
        report: Callable[[Event], None],
        patience: Patience,
    ) -> None:
        self._client = client
        self._reference = RepositoryReference(repository, commit)
        self._commit = commit
        self._report = report
        self._patience = patience

    def fetch(
        self, file: RepositoryFile, destination: Path, observe: Callable[[int], None]
    ) -> None:
        """Bring `file` to `destination`: whole and verified, or not at all.

        Args:
            file: What to fetch.
            destination: Its final path; what has arrived waits beside it as `.part`.
            observe: Hears how many bytes were gained, or lost when it begins anew.

        Raises:
            AppError: `hub_unreachable`, `hub_answer`, `repository_gated` and the like (the part
                stays for another time), `download_damaged`, `disk_full`, `folder_not_writable`.
        """
        with named_failures(destination.parent):
            # What came first may have been damaged on this side; a second time it is the source.
            if not (
                self._fetch_once(file, destination, observe)
                or self._fetch_once(file, destination, observe)
            ):
                raise AppError(ErrorCode.DOWNLOAD_DAMAGED, file=file.path)

    def _fetch_once(
        self, file: RepositoryFile, destination: Path, observe: Callable[[int], None]
    ) -> bool:
        repository = self._reference.repository
        try:
            with open_part(destination, repository, self._commit, file, observe) as part:
                self._complete(file, part)
                is_intact = part.is_intact()
                if is_intact:
                    part.sync()
                else:
                    part.clear()
        except AppError:
            remove_empty_part(destination)
            raise
        if is_intact:
            keep_part(destination)
        else:
            remove_part(destination)
        return is_intact

    def _complete(self, file: RepositoryFile, part: Part) -> None:
        breaks, furthest = 0, part.received
        address = file_address(
            self._client.endpoint, self._reference.repository, self._commit, file.path
        )
        # An empty file needs no request, and a whole part only its checksum.
        while not part.is_whole:
            try:
                self._check_head(file, address)
                self._receive(file, part, address)
            except (_Broken, httpx2.HTTPError) as error:
                if part.received > furthest:
                    breaks, furthest = 0, part.received
                breaks += 1
                self._pause(file, _as_broken(error), breaks)

    def _pause(self, file: RepositoryFile, broken: _Broken, breaks: int) -> None:
        if breaks >= self._patience.tries:
            if broken.is_network:
                raise unreachable(self._client.endpoint, broken.reason)
            raise AppError(ErrorCode.HUB_ANSWER, reason=broken.reason)
        seconds = max(self._patience.pause_seconds(breaks), broken.wait_seconds)
        facts: Facts = {
            "file": file.path,
            "reason": broken.reason,
            "seconds": max(1, round(seconds)),
        }
        self._report(Noticed(NoticeCode.DOWNLOAD_RETRIED, facts))
        time.sleep(seconds)

    def _check_head(self, file: RepositoryFile, address: str) -> None:
        with self._client.head(address) as response:
            self._check_status(response, file)
            commit = response.headers.get("X-Repo-Commit", self._commit)
            size_bytes = response.headers.get("X-Linked-Size", str(file.size_bytes))
            sha256 = response.headers.get("X-Linked-Etag", "").strip('"')
        if commit != self._commit or size_bytes != str(file.size_bytes):
            raise AppError(ErrorCode.HUB_ANSWER, reason=f"another {file.path} than announced")
        if file.sha256 and len(sha256) == len(file.sha256) and sha256 != file.sha256:
            raise AppError(ErrorCode.HUB_ANSWER, reason=f"another {file.path} than announced")

    def _receive(self, file: RepositoryFile, part: Part, address: str) -> None:
        headers = {}
        if part.received:
            headers["Range"] = f"bytes={part.received}-"
            if part.etag:
                headers["If-Range"] = part.etag
        with self._client.get(address, headers) as response:
            self._place(response, file, part)
            for chunk in response.iter_bytes():
                if part.received + len(chunk) > file.size_bytes:
                    part.clear()
                    raise _Broken("more arrived than announced", is_network=False)
                part.append(chunk)
        if not part.is_whole:
            raise _Broken("the connection broke off")

    def _place(self, response: httpx2.Response, file: RepositoryFile, part: Part) -> None:
        """Decide where the body belongs: behind what is there, or at the beginning."""
        etag = _strong_etag(response)
        if response.status_code == HTTPStatus.OK:
            if _content_length(response) not in (None, file.size_bytes):
                raise _Broken("another size than announced", is_network=False)
            part.begin(etag)
        elif response.status_code == HTTPStatus.PARTIAL_CONTENT:
            is_rest = _rest_of(response) == (part.received, file.size_bytes)
            if not part.received or not is_rest or (part.etag and part.etag != etag):
                part.clear()
                raise _Broken("another part than asked for", is_network=False)
        elif response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            part.clear()
            raise _Broken("it no longer has the rest", is_network=False)
        else:
            self._check_status(response, file)
            raise _Broken(f"status {response.status_code}", is_network=False)

    def _check_status(self, response: httpx2.Response, file: RepositoryFile) -> None:
        status = response.status_code
        if status < HTTPStatus.BAD_REQUEST:
            return
        # A refusal by the storage means that the address the Hub signed is too old by now.
        if status in _PASSING or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise _Broken(f"status {status}", _retry_after(response))
        if not self._client.is_hub(response):
            raise _Broken(f"status {status} from its storage", is_network=False)
        if response.headers.get("X-Error-Code") == "EntryNotFound":
            raise AppError(ErrorCode.HUB_ANSWER, reason=f"it no longer has {file.path}")
        raise refusal(status, response.headers, self._reference)


def _as_broken(error: _Broken | httpx2.HTTPError) -> _Broken:
    return error if isinstance(error, _Broken) else _Broken(in_few_words(error))


def _retry_after(response: httpx2.Response) -> float:
    text = response.headers.get("Retry-After", "")
    return min(float(text), _LONGEST_WAIT_SECONDS) if text.isdecimal() else 0.0


def _strong_etag(response: httpx2.Response) -> str:
    etag: str = response.headers.get("ETag", "")
    return etag if etag.startswith('"') else ""


def _is_encoded(response: httpx2.Response) -> bool:
    return response.headers.get("Content-Encoding", "identity").lower() != "identity"


def _content_length(response: httpx2.Response) -> int | None:
    text = response.headers.get("Content-Length", "")
    return int(text) if text.isdecimal() and not _is_encoded(response) else None


def _rest_of(response: httpx2.Response) -> tuple[int, int] | None:
    """Where the body begins and how large the file is, when it is the rest of the file."""
    match = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
    if match is None or _is_encoded(response) or int(match[2]) + 1 != int(match[3]):
        return None
    return int(match[1]), int(match[3])
