"""The facts about a repository on the Hub: its commit, its files, their sizes and checksums."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx2

from app.core.errors import AppError, ErrorCode
from app.hub.answers import in_few_words, refusal, unreachable
from app.hub.client import tls_context
from app.hub.endpoint import hub_endpoint
from app.hub.reference import RepositoryReference

if TYPE_CHECKING:
    from huggingface_hub.hf_api import ModelInfo, RepoSibling

_TIMEOUT_SECONDS = 30.0
_COMMIT = re.compile(r"[0-9a-f]{40}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_SWITCHES = ("HF_HUB_DISABLE_IMPLICIT_TOKEN", "HF_HUB_DISABLE_TELEMETRY")
_NOT_AS_DOCUMENTED = (TypeError, ValueError, KeyError, AttributeError)


@dataclass(frozen=True)
class RepositoryFile:
    """A file in a repository; `sha256` for large files (LFS), git's `blob_id` for the others."""

    path: str
    size_bytes: int
    sha256: str | None
    blob_id: str | None


@dataclass(frozen=True)
class RepositoryFacts:
    """A repository at one commit; `gated` means that its owner asks to accept terms."""

    repository: str
    commit: str
    gated: bool
    files: tuple[RepositoryFile, ...]


def fetch_repository(reference: RepositoryReference, token: str | None) -> RepositoryFacts:
    """Ask the Hub for the files of a repository, in one request.

    Raises:
        AppError: `repository_not_found`, `repository_gated`, `revision_not_found`,
            `token_invalid`, `hub_unreachable`, `hub_answer`.
    """
    try:
        return _facts_of(reference.repository, _ask(reference, token))
    except (httpx2.HTTPError, OSError) as error:
        raise _named(error, reference) from error
    except httpx2.InvalidURL as error:
        raise unreachable(hub_endpoint(), "not a web address") from error
    except _NOT_AS_DOCUMENTED as error:
        raise AppError(ErrorCode.HUB_ANSWER, reason="not as documented") from error


def _ask(reference: RepositoryReference, token: str | None) -> ModelInfo:
    # Read by the library when it is imported: it must take no token from a file, and tell nothing.
    os.environ.update(dict.fromkeys(_SWITCHES, "1"))
    from huggingface_hub import set_client_factory
    from huggingface_hub.constants import is_offline_mode
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.hf_api import HfApi

    if is_offline_mode():
        raise unreachable(hub_endpoint(), "HF_HUB_OFFLINE is set")
    set_client_factory(lambda: httpx2.Client(verify=tls_context(), follow_redirects=True))
    try:
        return HfApi(endpoint=hub_endpoint()).model_info(
            reference.repository,
            revision=reference.revision,
            timeout=_TIMEOUT_SECONDS,
            files_metadata=True,
            token=token or False,
        )
    except HFValidationError as error:
        raise AppError(ErrorCode.REPOSITORY_NAME, text=reference.repository) from error


def _named(error: httpx2.HTTPError | OSError, reference: RepositoryReference) -> AppError:
    from huggingface_hub.errors import HfHubHTTPError

    match error:
        case HfHubHTTPError(response=response):
            return refusal(response.status_code, response.headers, reference)
        case httpx2.HTTPError():
            return unreachable(hub_endpoint(), in_few_words(error))
        case _:
            return unreachable(hub_endpoint(), error.strerror or "no connection")


def _facts_of(repository: str, info: ModelInfo) -> RepositoryFacts:
    commit = info.sha or ""
    if not _COMMIT.fullmatch(commit):
        raise ValueError(commit)
    files = tuple(_file_of(sibling) for sibling in info.siblings or ())
    return RepositoryFacts(repository, commit, bool(info.gated), files)


def _file_of(sibling: RepoSibling) -> RepositoryFile:
    sha256 = sibling.lfs.sha256 if sibling.lfs else None
    size_bytes = sibling.lfs.size if sibling.lfs else sibling.size
    if not isinstance(sibling.rfilename, str) or not isinstance(size_bytes, int) or size_bytes < 0:
        raise TypeError(sibling)
    if not _is_checksum(sha256, sibling.blob_id):
        raise ValueError(sibling)
    return RepositoryFile(sibling.rfilename, size_bytes, sha256, sibling.blob_id)


def _is_checksum(sha256: str | None, blob_id: str | None) -> bool:
    if sha256 is not None:
        return _SHA256.fullmatch(sha256) is not None
    return _COMMIT.fullmatch(blob_id or "") is not None
