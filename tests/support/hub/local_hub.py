"""A Hub on loopback: the API and the storage (on another port) of huggingface.co, with faults.

Everything a test wants to go wrong is a field of `LocalHub.faults`; what was asked for and how
much was sent stands in `LocalHub.requests`.
"""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.hub.local_hub_files import Repository, Request, Snapshot, stored_file
from tests.support.hub.local_hub_servers import HubHandler, Server, StorageHandler


@dataclass
class Faults:
    """What goes wrong while files are sent; a counter falls by one each time it strikes."""

    ignore_range: bool = False
    """Answer a Range with 200 and the whole file."""
    wrong_content_range: bool = False
    """Answer a Range with another part than asked for."""
    status_416: bool = False
    """Refuse every Range."""
    refuses_ranges: int = 0
    """So many answers of 416 to a Range."""
    short_body: int = 0
    """So many times announce and send one byte less than the file has."""
    gzip: bool = False
    """Compress although identity was asked for."""
    changing_etag: bool = False
    """Another ETag in every answer of the storage."""
    ignore_if_range: bool = False
    """Send the part that a Range asks for although the ETag is another by now."""
    server_errors: int = 0
    """So many answers of 503."""
    rate_limits: int = 0
    """So many answers of 429, with `Retry-After: 1`."""
    api_errors: int = 0
    """So many answers of 503 to API requests."""
    garbled_api: str = ""
    """This text instead of the JSON of a repository."""
    stalls: int = 0
    """So many answers fall silent halfway, the connection staying open."""
    drop_every_bytes: int = 0
    """Close the connection after so many bytes of each answer."""
    flipped_bits: int = 0
    """So many answers have one bit in their middle turned over."""
    bytes_per_second: int = 0
    """The speed at which files are sent; 0 is as fast as possible."""
    hold_after_bytes: int = 0
    """Send so many bytes of files in all, then fall silent until `LocalHub.release`."""
    other_commit: bool = False
    """Name another commit than asked for in X-Repo-Commit."""
    claimed_size_bytes: int = 0
    """The size that the API gives for the largest file of a repository."""
    redirect_loop: bool = False
    """Send every request for a file round in circles."""


class LocalHub:
    """The servers; use it as a context manager."""

    def __init__(self) -> None:
        self.faults = Faults()
        self.requests: list[Request] = []
        self.accepted_tokens: set[str] = set()
        self.known_tokens: set[str] = set()
        self.repositories: dict[str, Repository] = {}
        self.closing = threading.Event()
        self._changed = threading.Condition()
        self._etags = 0
        self._hub = Server(self, HubHandler)
        self._storage = Server(self, StorageHandler)

    def __enter__(self) -> Self:
        self._hub.start()
        self._storage.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.closing.set()
        self.release()
        self._hub.stop()
        self._storage.stop()

    @property
    def endpoint(self) -> str:
        return self._hub.address

    @property
    def storage_endpoint(self) -> str:
        return self._storage.address

    def add_repository(
        self,
        name: str,
        folder: Path,
        *,
        gated: bool = False,
        private: bool = False,
        lfs_above_bytes: int = 1_000_000,
        unsafe_names: dict[str, str] | None = None,
    ) -> Snapshot:
        """Serve what is in `folder` now as the newest commit of `name`.

        Args:
            name: As `owner/name`.
            folder: Its files are read from there whenever they are asked for.
            gated: Only `accepted_tokens` may read its files; its list of files is public.
            private: Only `accepted_tokens` may know that it exists.
            lfs_above_bytes: Larger files are kept by LFS.
            unsafe_names: File in the folder to the name under which it is served.
        """
        renamed = unsafe_names or {}
        files = {}
        for local in sorted(path for path in folder.rglob("*") if path.is_file()):
            plain = local.relative_to(folder).as_posix()
            path = renamed.get(plain, plain)
            files[path] = stored_file(path, local, lfs_above_bytes)
        listing = "".join(f"{file.path}{file.blob_id}" for file in files.values())
        commit = hashlib.sha1(f"{name}{listing}".encode()).hexdigest()
        snapshot = Snapshot(name, commit, files)
        repository = self.repositories.setdefault(name, Repository(gated, private, snapshot))
        repository.newest = snapshot
        repository.commits[commit] = snapshot
        return snapshot

    def release(self) -> None:
        """Let held answers go on."""
        with self._changed:
            self.faults.hold_after_bytes = 0
            self._changed.notify_all()

    def wait_for_sent(self, size_bytes: int, timeout: float = 30.0) -> bool:
        """Wait until so many bytes of files have been sent."""
        with self._changed:
            return self._changed.wait_for(lambda: self.sent_bytes() >= size_bytes, timeout)

    def sent_bytes(self, path: str = "") -> int:
        """How many bytes of files whose address ends with `path` have been sent."""
        return sum(
            request.sent_bytes
            for request in list(self.requests)
            if request.method == "GET" and not request.path.startswith("/api/")
            if request.path.partition("?")[0].endswith(path)
        )

    def file_requests(self, method: str = "GET") -> list[Request]:
        """The requests for files' contents."""
        return [
            request
            for request in list(self.requests)
            if request.method == method and not request.path.startswith("/api/")
        ]

    def strike(self, fault: str) -> bool:
        """Whether a counted fault strikes now."""
        with self._changed:
            left: int = getattr(self.faults, fault)
            if left > 0:
                setattr(self.faults, fault, left - 1)
            return left > 0

    def next_etag(self) -> str:
        with self._changed:
            self._etags += 1
            return f'"storage-{self._etags}"'

    def note_sent(self, request: Request, size_bytes: int) -> None:
        with self._changed:
            request.sent_bytes += size_bytes
            self._changed.notify_all()

    def hold_if_wanted(self) -> None:
        def is_free() -> bool:
            limit = self.faults.hold_after_bytes
            return self.closing.is_set() or not limit or self.sent_bytes() < limit

        with self._changed:
            self._changed.wait_for(is_free)
