"""Information about a repository on the Hub: its commit, its files, their sizes and checksums.

The Hub's own library is not used: the converter's process needs the version that llama.cpp pins,
and a process can't load two.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from app.core.language import tr
from app.hub.client import HubClient
from app.hub.failures import raising_hub_errors, refusal, unreachable
from app.hub.hub_address import hub_endpoint
from app.hub.reference import RepositoryReference

_TIMEOUT_SECONDS = 30.0
_COMMIT = re.compile(r"[0-9a-f]{40}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_YES = frozenset({"1", "ON", "YES", "TRUE"})
# Read at import: the converter later sets it for its own libraries.
IS_OFFLINE = os.environ.get("HF_HUB_OFFLINE", "").upper() in _YES


@dataclass(frozen=True)
class RepositoryFile:
    """A file in a repository; `sha256` for large files (LFS), git's `blob_id` for the others."""

    path: str
    size_bytes: int
    sha256: str | None
    blob_id: str | None


@dataclass(frozen=True)
class RepositoryInfo:
    """A repository at one commit; `gated` if its owner requires users to accept terms."""

    repository: str
    commit: str
    gated: bool
    files: tuple[RepositoryFile, ...]


def fetch_repository(reference: RepositoryReference, token: str | None) -> RepositoryInfo:
    """Request the list of a repository's files from the Hub.

    Raises:
        AppError: `repository_not_found`, `repository_gated`, `revision_not_found`,
            `token_invalid`, `hub_unreachable`, `hub_answer`.
    """
    with raising_hub_errors():
        return described(reference.repository, _ask(reference, token))


def _ask(reference: RepositoryReference, token: str | None) -> Any:
    """Request a model's description from the Hub's API (`/api/models/{repo_id}`)."""
    if IS_OFFLINE:
        raise unreachable(hub_endpoint(), tr("HF_HUB_OFFLINE is set"))
    address = f"{hub_endpoint()}/api/models/{reference.repository}"
    revision = "" if reference.revision is None else "/revision/" + quote(reference.revision, "")
    with HubClient(hub_endpoint(), token, _TIMEOUT_SECONDS) as client:
        answer, _ = _ask_api(client, f"{address}{revision}?blobs=true", reference)
        if not lacks_sizes(answer):
            return answer
        tree = f"{address}/tree/{quote(answer['sha'], '')}?recursive=true"
        return answer | {"siblings": list(_siblings(client, tree, reference))}


def lacks_sizes(answer: Any) -> bool:
    """Return whether a description is of a mirror that doesn't pass on the request for blobs."""
    siblings = answer.get("siblings")
    return bool(siblings) and all(sibling.keys() == {"rfilename"} for sibling in siblings)


def siblings_in(entries: Any) -> Iterator[Any]:
    """Yield the files in an answer of `/tree/` as a description has them."""
    for entry in entries:
        if entry["type"] == "file":
            lfs = entry.get("lfs") and {"sha256": entry["lfs"]["oid"], **entry["lfs"]}
            names = {"rfilename": entry["path"], "blobId": entry["oid"]}
            yield {**names, "size": entry["size"], "lfs": lfs}


def _siblings(client: HubClient, tree: str, reference: RepositoryReference) -> Iterator[Any]:
    while tree:
        entries, tree = _ask_api(client, tree, reference)
        yield from siblings_in(entries)


def _ask_api(client: HubClient, address: str, reference: RepositoryReference) -> tuple[Any, str]:
    """Return an answer of the API, and the address of the next page, if any."""
    with client.get(address, {}) as response:
        if response.status_code >= HTTPStatus.BAD_REQUEST:
            raise refusal(response.status_code, response.headers, reference)
        response.read()
        return response.json(), response.links.get("next", {}).get("url", "")


def described(repository: str, answer: Any) -> RepositoryInfo:
    """Return the facts in the Hub's description, with the checksums of the files.

    Raises:
        TypeError, ValueError, KeyError, AttributeError: it is not as documented.
    """
    commit = answer["sha"]
    if not _COMMIT.fullmatch(commit):
        raise ValueError(commit)
    files = tuple(_file_of(sibling) for sibling in answer.get("siblings") or ())
    return RepositoryInfo(repository, commit, bool(answer.get("gated")), files)


def _file_of(sibling: Any) -> RepositoryFile:
    path, lfs, blob_id = sibling["rfilename"], sibling.get("lfs"), sibling.get("blobId")
    sha256 = lfs["sha256"] if lfs else None
    size_bytes = lfs["size"] if lfs else sibling["size"]
    if not isinstance(path, str) or not isinstance(size_bytes, int) or size_bytes < 0:
        raise TypeError(sibling)
    if not _is_checksum(sha256, blob_id):
        raise ValueError(sibling)
    return RepositoryFile(path, size_bytes, sha256, blob_id)


def _is_checksum(sha256: str | None, blob_id: str | None) -> bool:
    if sha256 is not None:
        return _SHA256.fullmatch(sha256) is not None
    return _COMMIT.fullmatch(blob_id or "") is not None
