"""Requests for a range of a file, and where the bodies of the answers belong."""

from __future__ import annotations

import re
from http import HTTPStatus

import httpx2

from app.core.language import tr
from app.hub.body import content_length, is_encoded
from app.hub.repository import RepositoryFile
from app.hub.segments import Range
from app.hub.snapshot import AttemptFailed

OTHER_RANGE = tr("a different range than requested")
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")


class RangeRefused(AttemptFailed):
    """The server won't send just a range, at least not this time."""


def range_headers(wanted: Range, file: RepositoryFile, etag: str) -> dict[str, str]:
    """Return the headers of a request for a range of the content with an ETag, if it has one."""
    last = "" if wanted.end == file.size_bytes else wanted.end - 1
    headers = {"Range": f"bytes={wanted.start}-{last}"}
    if etag:
        headers["If-Range"] = etag
    return headers


def is_whole_file(response: httpx2.Response, file: RepositoryFile) -> bool:
    """Return whether a successful response has the whole file rather than a range.

    Raises:
        AttemptFailed: It has neither.
    """
    if response.status_code == HTTPStatus.PARTIAL_CONTENT:
        return False
    if response.status_code == HTTPStatus.OK:
        if content_length(response) not in (None, file.size_bytes):
            raise AttemptFailed(tr("a different size than announced"), is_network=False)
        return True
    raise AttemptFailed(tr("status {status}", status=response.status_code), is_network=False)


def require_range(
    response: httpx2.Response, wanted: Range, file: RepositoryFile, etag: str
) -> None:
    """Check that the body of a partial response is a range of the content with an ETag.

    Raises:
        RangeRefused: It is another one.
    """
    is_other = sent_range(response, file) != wanted
    if is_other or (etag and etag != strong_etag(response)):
        raise RangeRefused(OTHER_RANGE, is_network=False)


def sent_range(response: httpx2.Response, file: RepositoryFile) -> Range | None:
    """Return the range that the body of a response is; None if it isn't one of this file."""
    match = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
    is_range = response.status_code == HTTPStatus.PARTIAL_CONTENT and not is_encoded(response)
    if not (match and is_range and int(match[3]) == file.size_bytes):
        return None
    return Range(int(match[1]), int(match[2]) + 1)


def require_ranges(response: httpx2.Response) -> None:
    """Check that the server doesn't refuse to send a range.

    Raises:
        RangeRefused: It does.
    """
    if response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        raise RangeRefused(tr("it refuses to send only the rest"), is_network=False)


def strong_etag(response: httpx2.Response) -> str:
    """Return the ETag of a response, or an empty string if equal ones may differ in bytes."""
    etag: str = response.headers.get("ETag", "")
    return etag if etag.startswith('"') else ""
