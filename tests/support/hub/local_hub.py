"""A Hub on loopback: the API and the storage (on another port) of huggingface.co, with faults.

`LocalHub.faults` has a field for everything that can go wrong; `LocalHub.requests` records the
requests and the bytes sent.
"""

from __future__ import annotations

import collections
import hashlib
import itertools
import threading
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.support.hub.local_hub_files import Repository, Request, Snapshot, stored_file
from tests.support.hub.local_hub_servers import HubHandler, Server, StorageHandler
from tests.support.hub.local_hub_uploads import HubUser, Uploads


@dataclass
class Faults:
    """Faults while files are being sent; counters are decremented at each occurrence."""

    ignore_range: bool = False
    """Answer a Range with 200 and the whole file."""
    wrong_content_range: bool = False
    """Answer a Range with another part than requested."""
    status_416: bool = False
    """Refuse every Range."""
    refuses_ranges: int = 0
    """The number of 416 responses to a Range."""
    short_body: int = 0
    """The number of times to announce and send one byte less than the file has."""
    gzip: bool = False
    """Compress although identity was requested."""
    changing_etag: bool = False
    """Send another ETag in every response of the storage."""
    ignore_if_range: bool = False
    """Send the requested part of a Range although the ETag has changed."""
    server_errors: int = 0
    """The number of 503 responses."""
    rate_limits: int = 0
    """The number of 429 responses, with `Retry-After: 1`."""
    api_errors: int = 0
    """The number of 503 responses to API requests."""
    omits_blobs: bool = False
    """List files without their sizes and checksums, as some mirrors do."""
    garbled_api: str = ""
    """Text to send instead of the JSON of a repository, or of a search."""
    api_seconds: float = 0.0
    """The time after which responses of the API begin."""
    silent_api: bool = False
    """Accept requests to the API, and never respond."""
    rate_limit_seconds: int = 0
    """Announce in every API response that the rate limit is reached for this time."""
    api_rate_limits: int = 0
    """The number of 429 responses to API requests, with the header `RateLimit`."""
    api_rate_limit_seconds: int = 1
    """The time that these responses announce."""
    stalls: int = 0
    """The number of responses that stall halfway with the connection open."""
    drop_every_bytes: int = 0
    """Close the connection after this many bytes of each response."""
    flipped_bits: int = 0
    """The number of responses with one flipped bit in the middle."""
    flipped_offsets: set[int] = field(default_factory=set)
    """The offsets in a file of bytes to damage, each once."""
    flipped_in: dict[str, set[int]] = field(default_factory=dict)
    """The same by the path of the file."""
    announces_too_much: int = 0
    """The number of responses that announce one byte more than they send."""
    uses_of_signature: int = 0
    """The number of requests that an address in the storage allows; 0 is any number."""
    other_host: bool = False
    """Redirect to the storage by another name of its host."""
    bytes_per_second: int = 0
    """The speed at which files are sent; 0 is as fast as possible."""
    hold_after_bytes: int = 0
    """Send this many bytes of files in all, then stall until `LocalHub.release`."""
    hold_uploads_after_bytes: int = 0
    """Take this many bytes of files in all, then stall until `LocalHub.release`."""
    other_commit: bool = False
    """Name another commit than the requested one in X-Repo-Commit."""
    claimed_size_bytes: int = 0
    """The size that the API gives for the largest file of a repository."""
    redirect_loop: bool = False
    """Redirect every request for a file in circles."""


class LocalHub:
    """The servers; use it as a context manager."""

    def __init__(self, certificate: Path | None = None) -> None:
        """Prepare the servers, with TLS if there is a certificate with its key in a file."""
        self.faults = Faults()
        self.requests: list[Request] = []
        self.accepted_tokens: set[str] = set()
        self.known_tokens: set[str] = set()
        self.repositories: dict[str, Repository] = {}
        self.uploads = Uploads()
        self.closing = threading.Event()
        self._changed = threading.Condition()
        self._etags = 0
        self._signatures = itertools.count(1)
        self._uses: collections.Counter[str] = collections.Counter()
        self._hub = Server(self, HubHandler, certificate)
        self._storage = Server(self, StorageHandler, certificate)

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
        self.uploads.close()

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
        facts: dict[str, Any] | None = None,
    ) -> Snapshot:
        """Serve the current contents of `folder` as the newest commit of `name`.

        Args:
            name: as `owner/name`.
            folder: its files are read at each request.
            gated: only `accepted_tokens` may read its files; its list of files is public.
            private: only `accepted_tokens` may know that it exists.
            lfs_above_bytes: larger files are stored in LFS.
            unsafe_names: the served names of files in the folder.
            facts: fields of the API's description.
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
        repository.facts |= facts or {}
        repository.commits[commit] = snapshot
        return snapshot

    def add_user(self, token: str, user: HubUser) -> None:
        """Let a user publish, and read private repositories, with this token."""
        self.uploads.users[token] = user
        self.accepted_tokens.add(token)

    def release(self) -> None:
        """Resume stalled responses and uploads."""
        with self._changed:
            self.faults.hold_after_bytes = self.faults.hold_uploads_after_bytes = 0
            self._changed.notify_all()

    def wait_for_sent(self, size_bytes: int, timeout: float = 30.0) -> bool:
        """Wait until this many bytes of files have been sent."""
        with self._changed:
            return self._changed.wait_for(lambda: self.sent_bytes() >= size_bytes, timeout)

    def wait_for_received(self, size_bytes: int, timeout: float = 30.0) -> bool:
        """Wait until this many bytes of files have been taken."""
        with self._changed:
            return self._changed.wait_for(lambda: self.received_bytes() >= size_bytes, timeout)

    def received_bytes(self) -> int:
        """Return the number of bytes taken of files."""
        return sum(one.sent_bytes for one in list(self.requests) if one.method == "PUT")

    def api_requests(self, path: str = "/api/") -> list[Request]:
        """Return the requests to the API whose address begins with `path`."""
        return [request for request in list(self.requests) if request.path.startswith(path)]

    def sent_bytes(self, path: str = "") -> int:
        """Return the number of bytes sent of files whose address ends with `path`."""
        return sum(
            request.sent_bytes
            for request in list(self.requests)
            if request.method == "GET" and not request.path.startswith("/api/")
            if request.path.partition("?")[0].endswith(path)
        )

    def file_requests(self, method: str = "GET") -> list[Request]:
        """Return the requests for the contents of files."""
        return [
            request
            for request in list(self.requests)
            if request.method == method and not request.path.startswith("/api/")
        ]

    def strike(self, fault: str) -> bool:
        """Return whether a counted fault occurs now."""
        with self._changed:
            left: int = getattr(self.faults, fault)
            if left > 0:
                setattr(self.faults, fault, left - 1)
            return left > 0

    def signed_address(self, path: str) -> str:
        """Return a new address of a file in the storage."""
        host = self.storage_endpoint
        if self.faults.other_host:
            host = host.replace("127.0.0.1", "localhost")
        return f"{host}/{path}?signed={next(self._signatures)}"

    def is_expired(self, address: str) -> bool:
        """Return whether an address in the storage has been used too often; counts this use."""
        with self._changed:
            self._uses[address] += 1
            return 0 < self.faults.uses_of_signature < self._uses[address]

    def damaged(self, path: str, offset: int, content: bytes) -> bytes:
        """Return the content at an offset of a file with the flipped bits that are due there."""
        faults = self.faults
        with self._changed:
            inside = range(offset, offset + len(content))
            due = (faults.flipped_offsets, faults.flipped_in.get(path, set()))
            struck = [place for places in due for place in places if place in inside]
            for places in due:
                places.difference_update(struck)
        changed = bytearray(content)
        for place in struck:
            changed[place - offset] ^= 0x10
        return bytes(changed)

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

    def hold_upload_if_wanted(self) -> None:
        def is_free() -> bool:
            limit = self.faults.hold_uploads_after_bytes
            return self.closing.is_set() or not limit or self.received_bytes() < limit

        with self._changed:
            self._changed.wait_for(is_free)
