"""The bytes of a file on the Hub from an offset on, in order, across interruptions.

Nothing is stored; the reader verifies the checksum of what it reads.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice

import httpx2

from app.core.errors import AppError, ErrorCode
from app.hub.failures import CONNECTION_LOST
from app.hub.ranged_requests import (
    OTHER_RANGE,
    RangeRefused,
    is_whole_file,
    require_ranges,
    sent_range,
)
from app.hub.remote_header import fetch_part
from app.hub.repository import RepositoryFile
from app.hub.snapshot import AttemptFailed, Snapshot

_SEGMENT_BYTES = 4 * 2**20
_CONNECTIONS = 4
_FEWEST_SEGMENTS = 16


def stream_file(
    snapshot: Snapshot,
    file: RepositoryFile,
    start: int = 0,
    *,
    segment_bytes: int = _SEGMENT_BYTES,
) -> Iterator[bytes]:
    """Yield the bytes of `file` from `start` to its end, in order.

    A rest of several segments comes over several connections, unless the server doesn't support
    ranges. At most one segment for each connection is in memory.

    Raises:
        AppError: `hub_unreachable`, `hub_answer`, `repository_gated` and the like.
    """
    if file.size_bytes - start >= _FEWEST_SEGMENTS * segment_bytes:
        for segment in _segments(snapshot, file, start, segment_bytes):
            yield segment
            start += len(segment)
    yield from _over_one_connection(snapshot, file, start)


def _segments(
    snapshot: Snapshot, file: RepositoryFile, start: int, segment_bytes: int
) -> Iterator[bytes]:
    """Yield segments until the end, or until the server refuses a range."""
    bounds = (
        (begin, min(begin + segment_bytes, file.size_bytes))
        for begin in range(start, file.size_bytes, segment_bytes)
    )
    with ThreadPoolExecutor(_CONNECTIONS) as pool:
        running: deque[Future[bytes | None]] = deque()
        try:
            while True:
                for begin, end in islice(bounds, _CONNECTIONS - len(running)):
                    running.append(pool.submit(_segment, snapshot, file, begin, end))
                if not running or (segment := running.popleft().result()) is None:
                    return
                yield segment
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _segment(snapshot: Snapshot, file: RepositoryFile, start: int, end: int) -> bytes | None:
    try:
        return fetch_part(snapshot, file, start, end)
    except AppError as error:
        # A server that fails at ranges may still send whole files.
        if error.code is ErrorCode.HUB_ANSWER:
            return None
        raise


def _over_one_connection(snapshot: Snapshot, file: RepositoryFile, start: int) -> Iterator[bytes]:
    failures, asks_for_rest = 0, True
    while start < file.size_bytes:
        try:
            for chunk in _received(snapshot, file, start, asks_for_rest=asks_for_rest):
                yield chunk
                start, failures = start + len(chunk), 0
        except (AttemptFailed, httpx2.HTTPError) as error:
            failures += 1
            asks_for_rest &= not isinstance(error, RangeRefused)
            snapshot.pause(file, error, failures)


def _received(
    snapshot: Snapshot, file: RepositoryFile, start: int, *, asks_for_rest: bool
) -> Iterator[bytes]:
    """Yield what one response has of the file from `start` on, skipping what comes before."""
    position = start
    headers = {"Range": f"bytes={start}-"} if start and asks_for_rest else {}
    with snapshot.get(file, headers) as response:
        skipped = _bytes_to_skip(response, snapshot, file, start)
        for chunk in snapshot.body(response):
            new = chunk[skipped:][: file.size_bytes - position]
            skipped = max(0, skipped - len(chunk))
            if new:
                position += len(new)
                yield new
    if position < file.size_bytes:
        raise AttemptFailed(CONNECTION_LOST)


def _bytes_to_skip(
    response: httpx2.Response, snapshot: Snapshot, file: RepositoryFile, start: int
) -> int:
    """Return how many bytes of the body are known already; refuse a body that isn't the rest."""
    require_ranges(response)
    snapshot.require_success(response, file)
    if is_whole_file(response, file):
        return start
    sent = sent_range(response, file)
    if sent is None or sent.start != start:
        raise RangeRefused(OTHER_RANGE, is_network=False)
    return 0
