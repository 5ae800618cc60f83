"""Range requests for parts of a file on the Hub, such as its header."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

import httpx2

from app.checkpoint.weight_files import HEADER_LENGTH, LARGEST_HEADER
from app.core.errors import AppError, ErrorCode
from app.core.language import tr
from app.hub.failures import CONNECTION_LOST
from app.hub.ranged_requests import OTHER_RANGE, sent_range
from app.hub.repository import RepositoryFile
from app.hub.snapshot import AttemptFailed, Snapshot

_FIRST_BYTES = 2**18
"""Size of the first request: larger than most headers."""

Needed = Callable[[bytes], int]


def fetch_safetensors_header(snapshot: Snapshot, file: RepositoryFile) -> bytes:
    """Fetch the header of a safetensors file.

    Raises:
        AppError: `weights_damaged`, `hub_unreachable`, `hub_answer`, `repository_gated` and the
            like.
    """
    return fetch_beginning(snapshot, file, lambda content: _header_end(content, file))


def fetch_beginning(snapshot: Snapshot, file: RepositoryFile, needed: Needed) -> bytes:
    """Fetch the first bytes of a file; `needed` returns how many, given those fetched so far.

    Servers without range support are read only that far.

    Raises:
        AppError: What `needed` raises; `hub_unreachable`, `hub_answer`, `repository_gated` and the
            like.
    """
    content, failures = bytearray(), 0
    while len(content) < (wanted := _wanted(content, file, needed)):
        had = len(content)
        try:
            _receive(snapshot, file, content, wanted, needed)
        except (AttemptFailed, httpx2.HTTPError) as error:
            failures = 1 if len(content) > had else failures + 1
            snapshot.pause(file, error, failures)
    return bytes(content[:wanted])


def fetch_part(snapshot: Snapshot, file: RepositoryFile, start: int, end: int) -> bytes | None:
    """Fetch the bytes of a file from `start` up to `end`; None if the server doesn't support that.

    Raises:
        AppError: `hub_unreachable`, `hub_answer`, `repository_gated` and the like.
    """
    content, failures = bytearray(), 0
    while (had := len(content)) < end - start:
        try:
            if not _receive_part(snapshot, file, content, start, end):
                return None
        except (AttemptFailed, httpx2.HTTPError) as error:
            failures = 1 if len(content) > had else failures + 1
            snapshot.pause(file, error, failures)
    return bytes(content[: end - start])


def _receive_part(
    snapshot: Snapshot, file: RepositoryFile, content: bytearray, start: int, end: int
) -> bool:
    """Complete `content`; return False if the server has no range support."""
    begin = start + len(content)
    with snapshot.get(file, {"Range": f"bytes={begin}-{end - 1}"}) as response:
        snapshot.require_success(response, file)
        if response.status_code == HTTPStatus.OK:
            return False
        _require_range(response, file, begin)
        for chunk in snapshot.body(response):
            content += chunk
            if len(content) >= end - start:
                return True
    raise AttemptFailed(CONNECTION_LOST)


def _wanted(content: bytearray, file: RepositoryFile, needed: Needed) -> int:
    first_bytes = min(_FIRST_BYTES, file.size_bytes)
    return first_bytes if len(content) < first_bytes else needed(bytes(content))


def _receive(
    snapshot: Snapshot, file: RepositoryFile, content: bytearray, wanted: int, needed: Needed
) -> None:
    """Extend `content` to `wanted` bytes, or to the needed ones of a complete response."""
    asked = {"Range": f"bytes={len(content)}-{wanted - 1}"}
    with snapshot.get(file, asked) as response:
        _check_continues(response, snapshot, file, content)
        for chunk in snapshot.body(response):
            content += chunk
            if len(content) >= wanted and len(content) >= needed(bytes(content)):
                return
    if len(content) < wanted:
        raise AttemptFailed(CONNECTION_LOST)


def _check_continues(
    response: httpx2.Response, snapshot: Snapshot, file: RepositoryFile, content: bytearray
) -> None:
    """Check that the body continues where `content` ends; a complete file starts over."""
    snapshot.require_success(response, file)
    if response.status_code == HTTPStatus.OK:
        content.clear()
        return
    _require_range(response, file, len(content))


def _require_range(response: httpx2.Response, file: RepositoryFile, start: int) -> None:
    if response.status_code != HTTPStatus.PARTIAL_CONTENT:
        raise AttemptFailed(
            tr("status {status} to a range request", status=response.status_code), is_network=False
        )
    sent = sent_range(response, file)
    if sent is None or sent.start != start:
        raise AttemptFailed(OTHER_RANGE, is_network=False)


def _header_end(content: bytes, file: RepositoryFile) -> int:
    if len(content) < HEADER_LENGTH.size:
        raise _damaged(file, tr("it is empty or truncated"))
    (length,) = HEADER_LENGTH.unpack_from(content)
    if length > min(LARGEST_HEADER, file.size_bytes - HEADER_LENGTH.size):
        raise _damaged(file, tr("it claims to have a header of {length} bytes", length=length))
    return int(HEADER_LENGTH.size + length)


def _damaged(file: RepositoryFile, reason: str) -> AppError:
    return AppError(ErrorCode.WEIGHTS_DAMAGED, file=file.path, reason=reason)
