"""Uploads to the Hub through its own library, which knows its protocol.

No other module may import it: the converter's process needs another version. It sends files to the
storage by HTTP, since its other way (Xet) reports no progress to a program, ignores a certificate
of one's own, and writes a cache. Nothing is stored on this machine, and the token is only passed
on.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

import httpx2

from app import __version__
from app.core.errors import AppError, ErrorCode, unreadable_file
from app.core.language import tr
from app.core.network import require_network
from app.hub.client import HubClient, tls_context
from app.hub.failures import raising_hub_errors, refusal, unreachable
from app.hub.hub_address import file_address, hub_endpoint
from app.hub.reference import RepositoryReference
from app.hub.repository import IS_OFFLINE, RepositoryFile

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd
    from huggingface_hub.errors import HfHubHTTPError

_LIBRARY = {
    "HF_DEBUG": "0",
    "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_XET": "1",
    "HF_HUB_VERBOSITY": "error",
}
"""The library's settings, which it reads when it is imported; its log would have addresses."""
_STALL_SECONDS = 120.0
_CONNECT_SECONDS = 15.0
_LONGEST_REASON = 200
_REASONED = ("Invalid metadata in README.md", "LFS batch API returned errors")
"""Beginnings of errors that quote the Hub's reasons."""
_REFUSALS = frozenset({HTTPStatus.FORBIDDEN, HTTPStatus.PAYMENT_REQUIRED, HTTPStatus.CONFLICT})


@dataclass(frozen=True)
class HubUser:
    """The user of a token: the names to publish under, and whether the token may write at all."""

    owners: tuple[str, ...]
    may_write: bool


@dataclass(frozen=True)
class TargetRepository:
    """A repository that exists, with its files by name."""

    commit: str
    is_private: bool
    files: Mapping[str, RepositoryFile]


class HubUploader:
    """Talks to the Hub for the user of a token."""

    def __init__(self, token: str) -> None:
        """Prepare the library.

        Raises:
            AppError: `local_only`, `hub_unreachable`.
        """
        require_network()
        if IS_OFFLINE:
            raise unreachable(hub_endpoint(), tr("HF_HUB_OFFLINE is set"))
        os.environ.update(_LIBRARY)
        from huggingface_hub import HfApi, set_client_factory

        set_client_factory(self._new_client)
        self._api = HfApi(hub_endpoint(), token, "gristmill", __version__)
        self._token = token
        self._owners: tuple[str, ...] = ()
        self._count: Callable[[int], None] = lambda _: None
        self._sent: dict[httpx2.URL, int] = {}

    def user(self) -> HubUser:
        """Ask whose token it is.

        Raises:
            AppError: `token_invalid`, `hub_unreachable`, `hub_answer`.
        """
        with self._raising(""):
            answer = self._api.whoami()
            self._owners = (answer["name"], *(one["name"] for one in answer.get("orgs") or ()))
            access = (answer.get("auth") or {}).get("accessToken") or {}
        return HubUser(self._owners, access.get("role") != "read")

    def find(self, repository: str) -> TargetRepository | None:
        """Describe a repository; None if there is none, or none that this user may see.

        Raises:
            AppError: `token_invalid`, `hub_unreachable`, `hub_answer`.
        """
        from huggingface_hub.errors import RepositoryNotFoundError

        with self._raising(repository):
            try:
                found = self._api.model_info(repository, files_metadata=True)
            except RepositoryNotFoundError:
                return None
            files = {
                one.rfilename: RepositoryFile(
                    one.rfilename,
                    one.lfs.size if one.lfs else one.size or 0,
                    one.lfs.sha256 if one.lfs else None,
                    one.blob_id,
                )
                for one in found.siblings or ()
            }
            return TargetRepository(found.sha or "", bool(found.private), files)

    def read_text(self, repository: str, commit: str, name: str) -> str:
        """Return the text of a small file.

        Raises:
            AppError: `hub_unreachable`, `hub_answer`.
        """
        address = file_address(hub_endpoint(), repository, commit, name)
        with (
            raising_hub_errors(),
            HubClient(hub_endpoint(), self._token, _STALL_SECONDS) as client,
            client.get(address, {}) as answer,
        ):
            if not answer.is_success:
                raise refusal(answer.status_code, answer.headers, RepositoryReference(repository))
            answer.read()
            return answer.text

    def create(self, repository: str, *, is_private: bool) -> None:
        """Create a repository; one that exists now, maybe a public one, is not taken for it.

        Raises:
            AppError: `publishing_refused`, `token_invalid`, `hub_unreachable`, `hub_answer`.
        """
        with self._raising(repository):
            self._api.create_repo(repository, private=is_private)

    def send_file(
        self, repository: str, name: str, path: Path, sha256: str, count: Callable[[int], None]
    ) -> int:
        """Send a file, commit it, and return the number of bytes that the storage lacked.

        `count` is told how many bytes were sent; a negative number takes back those of an attempt
        that failed.

        Raises:
            AppError: `file_unreadable`, `publishing_refused`, `token_invalid`, `hub_unreachable`,
                `hub_answer`.
        """
        from huggingface_hub import CommitOperationAdd

        try:
            addition = CommitOperationAdd(name, path)
        except (OSError, ValueError) as error:
            raise unreadable_file(path, OSError(str(error))) from error
        # It would read the whole file once more.
        addition.upload_info.sha256 = bytes.fromhex(sha256)
        self._count = count
        self._commit(repository, addition)
        return sum(self._sent.values())

    def send_text(self, repository: str, name: str, text: str) -> None:
        """Send a small text file and commit it.

        Raises:
            AppError: `publishing_refused`, `token_invalid`, `hub_unreachable`, `hub_answer`.
        """
        from huggingface_hub import CommitOperationAdd

        self._commit(repository, CommitOperationAdd(name, text.encode()))

    def _commit(self, repository: str, addition: CommitOperationAdd) -> None:
        message = f"Upload {addition.path_in_repo}"
        self._sent.clear()
        with self._raising(repository):
            self._api.create_commit(repository, [addition], commit_message=message)

    def _new_client(self) -> httpx2.Client:
        """Return the client that the library uses: with our certificates and timeouts."""
        return httpx2.Client(
            verify=tls_context(),
            timeout=httpx2.Timeout(_STALL_SECONDS, connect=_CONNECT_SECONDS),
            follow_redirects=True,
            event_hooks={"request": [self._watch]},
        )

    def _watch(self, request: httpx2.Request) -> None:
        """Count the bytes of a file, or a part of one, while they are sent."""
        if request.method == "PUT" and isinstance(request.stream, httpx2.SyncByteStream):
            # A second attempt sends the same bytes again.
            self._count(-self._sent.pop(request.url, 0))
            request.stream = _Counted(request.stream, lambda sent: self._add(request.url, sent))

    def _add(self, address: httpx2.URL, size_bytes: int) -> None:
        self._sent[address] = self._sent.get(address, 0) + size_bytes
        self._count(size_bytes)

    @contextmanager
    def _raising(self, repository: str) -> Iterator[None]:
        """Convert the library's errors, and those of the connection, to `AppError`."""
        from huggingface_hub.errors import HfHubHTTPError

        with raising_hub_errors():
            try:
                yield
            except (HfHubHTTPError, RuntimeError) as error:
                # It wraps what went wrong while a file was being sent.
                cause = error.__cause__ if isinstance(error, RuntimeError) else error
                if isinstance(cause, HfHubHTTPError):
                    raise self._refusal(cause, repository) from error
                raise (cause or error) from None
            except ValueError as error:
                if not str(error).startswith(_REASONED):
                    raise
                raise self._refused(repository, str(error)) from error

    def _refusal(self, error: HfHubHTTPError, repository: str) -> AppError:
        status = error.response.status_code
        if status == HTTPStatus.UNAUTHORIZED:
            return AppError(ErrorCode.TOKEN_INVALID, reason=tr("the Hub rejects it"))
        if status in _REFUSALS:
            return self._refused(
                repository, error.server_message or tr("status {status}", status=status)
            )
        return AppError(ErrorCode.HUB_ANSWER, reason=tr("status {status}", status=status))

    def _refused(self, repository: str, reason: str) -> AppError:
        return AppError(
            ErrorCode.PUBLISHING_REFUSED,
            repository=repository,
            reason=" ".join(reason.split())[:_LONGEST_REASON],
            owners=", ".join(self._owners),
        )


class _Counted(httpx2.SyncByteStream):
    """The body of a request, whose bytes are counted as they are sent."""

    def __init__(self, body: httpx2.SyncByteStream, count: Callable[[int], None]) -> None:
        self._body = body
        self._count = count

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._body:
            yield chunk
            self._count(len(chunk))

    def close(self) -> None:
        self._body.close()
