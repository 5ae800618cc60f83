"""Transfer of one file: resumes an interrupted one, verifies every byte, repairs damage."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx2

from app.core.errors import AppError, ErrorCode
from app.core.files import raising_app_errors
from app.hub.connections import Connections
from app.hub.part_content import PartContent
from app.hub.part_file import PartFile
from app.hub.part_record import PartRecord
from app.hub.ranged_requests import RangeRefused
from app.hub.repository import RepositoryFile
from app.hub.snapshot import AttemptFailed, Snapshot
from app.hub.transfer_policy import TransferPolicy

_MAX_REFUSALS = 2
"""Number of refusals after which the whole file is requested."""


class Transfer:
    """Transfers files from one repository at one commit."""

    def __init__(self, snapshot: Snapshot, policy: TransferPolicy | None = None) -> None:
        self._snapshot = snapshot
        self._policy = policy or TransferPolicy()

    def fetch(
        self, file: RepositoryFile, destination: Path, observe: Callable[[int], None]
    ) -> None:
        """Fetch `file` to `destination`: complete and verified, or not at all.

        Args:
            file: What to fetch.
            destination: Its final path; the received part is next to it as `.part`.
            observe: Called with the number of bytes gained, negative when some are dropped, by
                several threads.

        Raises:
            AppError: `hub_unreachable`, `hub_answer`, `repository_gated` and the like (the part
                stays for another time), `download_damaged`, `disk_full`, `folder_not_writable`.
        """
        part = PartFile(destination)
        with raising_app_errors(destination.parent):
            try:
                with part.open(self._record_of(file), observe) as content:
                    is_intact = self._is_completed(file, content, destination.parent)
            except AppError:
                part.remove_if_empty()
                raise
            if not is_intact:
                part.remove()
                raise AppError(ErrorCode.DOWNLOAD_DAMAGED, file=file.path)
            part.keep()

    def _record_of(self, file: RepositoryFile) -> PartRecord:
        return PartRecord(
            self._snapshot.repository,
            self._snapshot.commit,
            file.path,
            file.size_bytes,
            file.sha256,
            file.blob_id,
            segment_bytes=self._policy.segment_bytes(file.size_bytes),
        )

    def _is_completed(self, file: RepositoryFile, content: PartContent, folder: Path) -> bool:
        """Complete the content, and repair it once; return whether it is intact, and synced."""
        connections = Connections(self._snapshot, file, content, folder, self._policy)
        self._complete(file, content, connections)
        if not content.is_intact():
            # It may have been damaged here or on its way; if it still is, it is the source.
            content.begin_repair()
            self._complete(file, content, connections)
        is_intact = content.is_intact()
        if is_intact:
            content.sync()
        else:
            content.cut(0)
        return is_intact

    def _complete(
        self, file: RepositoryFile, content: PartContent, connections: Connections
    ) -> None:
        failures, refusals, furthest = 0, 0, content.received
        # An empty file needs no request, a complete part only its checksum.
        while not content.is_whole:
            try:
                self._snapshot.require_unchanged(file)
                connections.run(asks_whole=refusals >= _MAX_REFUSALS)
            except (AttemptFailed, httpx2.HTTPError) as error:
                if content.received > furthest:
                    failures, furthest = 0, content.received
                failures += 1
                refusals += isinstance(error, RangeRefused)
                self._snapshot.pause(file, error, failures)
            if content.may_be_repaired and not content.is_whole:
                content.end_repair()
