"""Transfer of one file: resumes an interrupted one and verifies every byte."""

from __future__ import annotations

import re
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path

import httpx2

from app.core.errors import AppError, ErrorCode
from app.core.files import raising_app_errors
from app.core.language import tr
from app.hub.failures import CONNECTION_LOST
from app.hub.part_file import PartContent, PartFile
from app.hub.repository import RepositoryFile
from app.hub.snapshot import AttemptFailed, Snapshot, is_encoded

_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")

_MAX_REFUSALS = 2
"""Number of refusals after which the whole file is requested."""


class _RestRefused(AttemptFailed):
    """The server won't send just the missing part, at least not this time."""


class Transfer:
    """Transfers files from one repository at one commit."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def fetch(
        self, file: RepositoryFile, destination: Path, observe: Callable[[int], None]
    ) -> None:
        """Fetch `file` to `destination`: complete and verified, or not at all.

        Args:
            file: What to fetch.
            destination: Its final path; the received part is next to it as `.part`.
            observe: Called with the number of bytes gained, negative when some are dropped.

        Raises:
            AppError: `hub_unreachable`, `hub_answer`, `repository_gated` and the like (the part
                stays for another time), `download_damaged`, `disk_full`, `folder_not_writable`.
        """
        with raising_app_errors(destination.parent):
            # The first copy may have been damaged here; if the second is, too, it is the source.
            if not (
                self._fetch_once(file, destination, observe)
                or self._fetch_once(file, destination, observe)
            ):
                raise AppError(ErrorCode.DOWNLOAD_DAMAGED, file=file.path)

    def _fetch_once(
        self, file: RepositoryFile, destination: Path, observe: Callable[[int], None]
    ) -> bool:
        part = PartFile(destination)
        repository, commit = self._snapshot.repository, self._snapshot.commit
        try:
            with part.open(repository, commit, file, observe) as content:
                self._complete(file, content)
                is_intact = content.is_intact()
                if is_intact:
                    content.sync()
                else:
                    content.clear()
        except AppError:
            part.remove_if_empty()
            raise
        if is_intact:
            part.keep()
        else:
            part.remove()
        return is_intact

    def _complete(self, file: RepositoryFile, part: PartContent) -> None:
        failures, refusals, furthest = 0, 0, part.received
        # An empty file needs no request, a complete part only its checksum.
        while not part.is_whole:
            try:
                self._check_head(file)
                self._receive(file, part, requests_rest=refusals < _MAX_REFUSALS)
            except (AttemptFailed, httpx2.HTTPError) as error:
                if part.received > furthest:
                    failures, furthest = 0, part.received
                failures += 1
                refusals += isinstance(error, _RestRefused)
                self._snapshot.pause(file, error, failures)

    def _check_head(self, file: RepositoryFile) -> None:
        with self._snapshot.head(file) as response:
            self._snapshot.require_success(response, file)
            commit = response.headers.get("X-Repo-Commit", self._snapshot.commit)
            size_bytes = response.headers.get("X-Linked-Size", str(file.size_bytes))
            sha256 = response.headers.get("X-Linked-Etag", "").strip('"')
        if commit != self._snapshot.commit or size_bytes != str(file.size_bytes):
            raise AppError(
                ErrorCode.HUB_ANSWER, reason=tr("a different {file} than announced", file=file.path)
            )
        if file.sha256 and len(sha256) == len(file.sha256) and sha256 != file.sha256:
            raise AppError(
                ErrorCode.HUB_ANSWER, reason=tr("a different {file} than announced", file=file.path)
            )

    def _receive(self, file: RepositoryFile, part: PartContent, *, requests_rest: bool) -> None:
        headers = {}
        if part.received and requests_rest:
            headers["Range"] = f"bytes={part.received}-"
            if part.etag:
                headers["If-Range"] = part.etag
        with self._snapshot.get(file, headers) as response:
            self._place(response, file, part)
            for chunk in response.iter_bytes():
                part.append(chunk)
        if not part.is_whole:
            raise AttemptFailed(CONNECTION_LOST)

    def _place(self, response: httpx2.Response, file: RepositoryFile, part: PartContent) -> None:
        """Decide where the body belongs: after the received part, or at the beginning.

        The received part stays in either case, and is compared with repeated bytes.
        """
        etag = _strong_etag(response)
        if response.status_code == HTTPStatus.OK:
            if _content_length(response) not in (None, file.size_bytes):
                raise AttemptFailed(tr("a different size than announced"), is_network=False)
            part.begin(etag)
        elif response.status_code == HTTPStatus.PARTIAL_CONTENT:
            is_rest = _rest_of(response) == (part.received, file.size_bytes)
            if not part.received or not is_rest or (part.etag and part.etag != etag):
                raise _RestRefused(tr("a different range than requested"), is_network=False)
        elif response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise _RestRefused(tr("it refuses to send only the rest"), is_network=False)
        else:
            self._snapshot.require_success(response, file)
            raise AttemptFailed(
                tr("status {status}", status=response.status_code), is_network=False
            )


def _strong_etag(response: httpx2.Response) -> str:
    etag: str = response.headers.get("ETag", "")
    return etag if etag.startswith('"') else ""


def _content_length(response: httpx2.Response) -> int | None:
    text = response.headers.get("Content-Length", "")
    return int(text) if text.isdecimal() and not is_encoded(response) else None


def _rest_of(response: httpx2.Response) -> tuple[int, int] | None:
    """Return the body's offset and the file's size, if the body is the rest of the file."""
    match = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
    if match is None or is_encoded(response) or int(match[2]) + 1 != int(match[3]):
        return None
    return int(match[1]), int(match[3])
