"""List the GGUF models of a repository, with the metadata that is common to them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from app.core.errors import AppError
from app.core.events import Event
from app.core.files import temporary_folder
from app.gguf_file.header_reader import Value, read_beginning
from app.hub.access_token import read_token
from app.hub.client import HubClient
from app.hub.hub_address import hub_endpoint
from app.hub.reference import RepositoryReference
from app.hub.remote_header import fetch_beginning
from app.hub.repository import RepositoryFile, RepositoryInfo, fetch_repository
from app.hub.selection import Files, gguf_models, gguf_projectors
from app.hub.snapshot import RetryPolicy, Snapshot

_BEGINNING_BYTES = 2**18
"""Part of a file that has its architecture's numbers, which come before the vocabulary."""
_RETRY_POLICY = RetryPolicy(stall_seconds=20.0, max_attempts=3)

Metadata = dict[str, Value]


@dataclass(frozen=True)
class RemoteModels:
    """The models and projectors of a repository, each as its files.

    `metadata` is that of the smallest model, empty if it can't be read.
    """

    models: tuple[Files, ...]
    projectors: tuple[Files, ...]
    metadata: Metadata


def fetch_models(reference: RepositoryReference, report: Callable[[Event], None]) -> RemoteModels:
    """List a repository's GGUF models, without downloading any.

    Raises:
        AppError: what `fetch_repository` raises; `hub_unreachable` and the like.
    """
    token = read_token()
    info = fetch_repository(reference, token)
    models = gguf_models(info.files)
    smallest = min((model[0] for model in models), key=lambda file: file.size_bytes, default=None)
    metadata = _metadata_of(smallest, info, token, report) if smallest else {}
    return RemoteModels(tuple(models), tuple(gguf_projectors(info.files)), metadata)


def _metadata_of(
    file: RepositoryFile, info: RepositoryInfo, token: str | None, report: Callable[[Event], None]
) -> Metadata:
    with HubClient(hub_endpoint(), token, _RETRY_POLICY.stall_seconds) as client:
        snapshot = Snapshot(client, info.repository, info.commit, report, _RETRY_POLICY)
        wanted = min(_BEGINNING_BYTES, file.size_bytes)
        beginning = fetch_beginning(snapshot, file, lambda _: wanted)
    with temporary_folder() as folder:
        place = folder / "beginning.gguf"
        place.write_bytes(beginning)
        try:
            return read_beginning(place)
        except AppError:
            # The list is of use without it, too; the download will report what is wrong.
            return {}
