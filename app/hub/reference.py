"""Parsing of repository names and addresses that the user types or pastes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import SplitResult, unquote, urlsplit

from app.core.errors import AppError, ErrorCode
from app.core.names import is_safe_part
from app.core.openable import LINK_SCHEME
from app.hub.hub_address import hub_endpoint

_PART = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,94}[A-Za-z0-9_])?")
_HUB_HOSTS = frozenset({"huggingface.co", "www.huggingface.co", "hf.co"})
_VIEWS = frozenset({"tree", "blob", "resolve", "raw", "commit"})
_FILE_VIEWS = frozenset({"blob", "resolve", "raw"})
_NOT_OWNERS = frozenset(
    {"api", "blog", "buckets", "collections", "datasets", "docs", "kernels", "models", "papers"}
    | {"posts", "settings", "spaces", "tasks"}
)
_LONGEST_QUOTED = 200


@dataclass(frozen=True)
class RepositoryReference:
    """A model repository as `owner/name`, and a branch, tag or commit; None means main.

    `file` is the path of one of its files, if the address of that file was given.
    """

    repository: str
    revision: str | None = None
    file: str | None = None


def parse_reference(text: str) -> RepositoryReference:
    """Parse `owner/name`, optionally with `@revision`, or the address of its page or a file.

    A link to it, `gristmill://owner/name`, will do, too.

    Raises:
        AppError: `repository_name` if it is none of these.
    """
    parts: list[str] = []
    match _segments_of(text.strip().strip("<>\"'").strip()):
        case [owner, name]:
            revision = None
        case [owner, name, view, revision, *parts] if view in _VIEWS and _is_revision(revision):
            parts = parts if view in _FILE_VIEWS else []
        case _:
            raise _not_a_name(text)
    if owner.lower() in _NOT_OWNERS or not (_is_part(owner) and _is_part(name)):
        raise _not_a_name(text)
    return RepositoryReference(f"{owner}/{name}", revision, "/".join(parts) or None)


def repository_named(text: str) -> RepositoryReference:
    """Parse a source that is not a path as a repository.

    Raises:
        AppError: `source_not_found` if it can't be a repository either.
    """
    if text.lower().endswith(".gguf"):
        raise AppError(ErrorCode.SOURCE_NOT_FOUND, source=text)
    try:
        return parse_reference(text)
    except AppError as error:
        raise AppError(ErrorCode.SOURCE_NOT_FOUND, source=text) from error


def _segments_of(text: str) -> list[str]:
    try:
        address = urlsplit(text)
        if address.scheme in ("http", "https"):
            return _segments_of_address(address)
        if address.scheme == LINK_SCHEME:
            return _segments_of(f"{address.netloc}{address.path}")
        if text.partition("/")[0].lower() in _HUB_HOSTS:
            return _segments_of_address(urlsplit(f"https://{text}"))
    except ValueError:
        return []
    name, at, revision = text.removesuffix("/").partition("@")
    return [*name.split("/"), *(["tree", revision] if at else [])]


def _segments_of_address(address: SplitResult) -> list[str]:
    endpoint = urlsplit(hub_endpoint())
    path = address.path
    if address.netloc.lower() == endpoint.netloc.lower():
        path = path.removeprefix(endpoint.path)
    elif (address.hostname or "") not in _HUB_HOSTS:
        return []
    segments = [unquote(segment) for segment in path.split("/") if segment]
    is_plain_page = segments[2:3] and segments[2] not in _VIEWS
    return segments[:2] if is_plain_page else segments


def _is_revision(text: str) -> bool:
    return bool(text) and text.isprintable()


def _is_part(part: str) -> bool:
    return (
        _PART.fullmatch(part) is not None
        and "--" not in part
        and ".." not in part
        and not part.endswith(".git")
        and is_safe_part(part)
    )


def _not_a_name(text: str) -> AppError:
    return AppError(ErrorCode.REPOSITORY_NAME, text=text.strip()[:_LONGEST_QUOTED])
