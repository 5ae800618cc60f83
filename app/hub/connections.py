"""The connections that fetch one file at the same time."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path

import httpx2

from app.core.files import require_space
from app.core.language import tr
from app.hub.failures import CONNECTION_LOST
from app.hub.part_content import PartContent
from app.hub.ramp import Ramp
from app.hub.ranged_requests import (
    RangeRefused,
    is_whole_file,
    range_headers,
    require_range,
    require_ranges,
    strong_etag,
)
from app.hub.repository import RepositoryFile
from app.hub.segments import Range, Reservation
from app.hub.snapshot import AttemptFailed, Snapshot
from app.hub.transfer_policy import TransferPolicy

_TICK_SECONDS = 0.01
_DISK_SECONDS = 1.0
_SYNC_BYTES = 2**27


class Connections:
    """The connections for one file; only one if the server doesn't send ranges.

    Meanwhile the content's checksum is computed, the disk is watched, and what has arrived is
    synced, so that little is left to sync at the end.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        file: RepositoryFile,
        content: PartContent,
        folder: Path,
        policy: TransferPolicy,
    ) -> None:
        self._snapshot = snapshot
        self._file = file
        self._content = content
        self._folder = folder
        self._policy = policy
        self._sends_ranges: bool | None = None if len(content.segments) > 1 else False
        self._stop = threading.Event()
        self._disk_checked = 0.0
        self._synced_bytes = content.received
        self._syncing: Future[None] | None = None

    def run(self, *, asks_whole: bool) -> None:
        """Fetch what is missing, until it is there or `content.may_be_repaired`.

        Args:
            asks_whole: Request the whole file, because the server has refused ranges.

        Raises:
            AttemptFailed, HTTPError: The last connection failed.
            AppError: `disk_full`, and what `Snapshot.require_success` raises.
        """
        self._stop.clear()
        if asks_whole:
            self._sends_ranges = False
        with ThreadPoolExecutor(self._policy.connections + 1, "download") as pool:

            def begin(wanted: Reservation) -> Future[None]:
                return pool.submit(self._fetch, wanted, asks_whole=asks_whole)

            def sync() -> Future[None]:
                return pool.submit(self._content.sync)

            try:
                self._supervise(begin, sync)
            finally:
                self._stop.set()

    def _supervise(
        self, begin: Callable[[Reservation], Future[None]], sync: Callable[[], Future[None]]
    ) -> None:
        ramp, failure = Ramp(self._policy), None
        running: set[Future[None]] = set()
        while True:
            while len(running) < self._most(ramp) and (wanted := self._take(ramp)):
                running.add(begin(wanted))
            if not running:
                break
            is_behind = self._content.add_to_checksum()
            done, running = wait(running, 0 if is_behind else _TICK_SECONDS, FIRST_COMPLETED)
            for future in done:
                failure = self._judge(future, ramp) or failure
            if self._content.may_be_repaired:
                return
            if self._sends_ranges and ramp.observe(self._content.received, time.monotonic()):
                self._content.segments.share()
            self._watch_disk()
            self._sync_behind(sync)
        if failure and not self._content.is_whole:
            raise failure

    def _most(self, ramp: Ramp) -> int:
        return ramp.wanted if self._sends_ranges else min(ramp.wanted, 1)

    def _take(self, ramp: Ramp) -> Reservation | None:
        return self._content.segments.take(is_alone=self._most(ramp) == 1)

    def _judge(self, future: Future[None], ramp: Ramp) -> AttemptFailed | httpx2.HTTPError | None:
        """Return why a connection failed, if it did; raise an error that no retry can fix."""
        error = future.exception()
        if error is None:
            ramp.succeed()
            return None
        if not isinstance(error, AttemptFailed | httpx2.HTTPError):
            raise error
        if isinstance(error, RangeRefused):
            self._sends_ranges = False
        ramp.fail(is_too_much=isinstance(error, AttemptFailed) and error.wait_seconds > 0)
        return error

    def _watch_disk(self) -> None:
        now = time.monotonic()
        if now - self._disk_checked < _DISK_SECONDS:
            return
        self._disk_checked = now
        missing = self._content.missing_bytes
        if shutil.disk_usage(self._folder).free < min(missing, self._policy.least_free_bytes):
            require_space(self._folder, missing)

    def _sync_behind(self, sync: Callable[[], Future[None]]) -> None:
        if self._syncing is not None:
            if not self._syncing.done():
                return
            self._syncing.result()
            self._syncing = None
        if self._content.received - self._synced_bytes >= _SYNC_BYTES:
            self._synced_bytes = self._content.received
            self._syncing = sync()

    def _fetch(self, mine: Reservation, *, asks_whole: bool) -> None:
        try:
            wanted = mine.range()
            headers = {} if asks_whole else self._headers(wanted)
            with self._snapshot.get(self._file, headers) as response:
                self._place(response, mine, wanted)
                self._receive(response, mine)
        finally:
            self._content.segments.release(mine)

    def _headers(self, wanted: Range) -> dict[str, str]:
        if wanted == Range(0, self._file.size_bytes) and self._sends_ranges is False:
            return {}
        return range_headers(wanted, self._file, self._content.etag)

    def _place(self, response: httpx2.Response, mine: Reservation, wanted: Range) -> None:
        """Decide where the body belongs: at what was reserved, or at the beginning.

        Bytes that are there already stay in either case, and are compared with repeated ones.
        """
        require_ranges(response)
        self._snapshot.require_success(response, self._file)
        if is_whole_file(response, self._file):
            if not self._content.segments.take_all(mine):
                raise RangeRefused(tr("it refuses to send only the rest"), is_network=False)
            self._sends_ranges = False
        else:
            require_range(response, wanted, self._file, self._content.etag)
            if self._sends_ranges is None:
                self._sends_ranges = True
        self._content.begin(strong_etag(response))

    def _receive(self, response: httpx2.Response, mine: Reservation) -> None:
        with self._content.writer(mine) as writer:
            for chunk in self._snapshot.body(response):
                # If the server sends too much, the checksum shows it in the end.
                writer.write(chunk)
                if writer.is_done or self._stop.is_set():
                    return
        raise AttemptFailed(CONNECTION_LOST)
