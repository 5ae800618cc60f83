"""The page of a repository: its card, files, license and relatives, and the obstacles."""

from __future__ import annotations

import re
from typing import Any, NamedTuple
from urllib.parse import quote

import msgspec

from app.core.hub_events import GatedState, HubFile, HubPage, HubPageFound, RepositoryKind
from app.hub.host import Host
from app.hub.hub_api import COMMIT_SECONDS, SEARCH_SECONDS, ApiRequest, HubApi
from app.hub.model_kind import kind_of
from app.hub.model_record import ModelRecord, fields_of, number_of, read_record
from app.hub.obstacles import obstacle_of
from app.hub.page_parts import PageParts, fetch_parts
from app.hub.reference import RepositoryReference, parse_reference
from app.hub.repository import RepositoryInfo, described, lacks_sizes, siblings_in

_MAX_FILES = 5_000
_COMMIT = re.compile(r"[0-9a-f]{40}")
_CONTEXT_KEYS = ("max_position_embeddings", "n_positions", "max_seq_len", "seq_length")


class Page(NamedTuple):
    """A page; outdated if it is an older one, since the Hub doesn't respond."""

    found: HubPageFound
    is_outdated: bool


class _Described(NamedTuple):
    """A description; a mirror's may lack the sizes of files, and then there is no `info`."""

    record: ModelRecord
    answer: dict[str, Any]
    info: RepositoryInfo | None


def fetch_page(wanted: HubPage, api: HubApi, host: Host, number: int = 0) -> Page:
    """Return the page of a repository at the newest commit of a revision.

    Raises:
        AppError: `repository_name`, and what `HubApi.ask` raises about a repository.
    """
    name = parse_reference(wanted.repository).repository
    reference = RepositoryReference(name, wanted.revision)
    description, is_outdated = api.ask(_description(reference))
    record = description.record
    info = description.info or api.ask(_tree(reference, description))[0]
    parts = fetch_parts(info, api)
    # The Hub's own excerpt of the configuration serves where the file can't be read.
    record = msgspec.structs.replace(record, config=_with_excerpt(parts.config, record.config))
    page = _page_of(record, info, parts, api.endpoint, number)
    obstacle = obstacle_of(info, page.kind, fields_of(record.config), host.architectures())
    if obstacle is not None:
        page = msgspec.structs.replace(page, obstacle=obstacle.code, details=obstacle.details)
    return Page(page, is_outdated)


def fetch_kind(reference: RepositoryReference, api: HubApi) -> RepositoryKind:
    """Return the purpose of a repository's model.

    Raises:
        AppError: What `HubApi.ask` raises about a repository.
    """
    found, _ = api.ask(_description(reference))
    return kind_of(found.record)


def _description(about: RepositoryReference) -> ApiRequest[_Described]:
    path = f"/api/models/{about.repository}"
    if about.revision is not None:
        path += f"/revision/{quote(about.revision, safe='')}"

    def read(content: bytes) -> _Described:
        record, answer = read_record(content), msgspec.json.decode(content)
        if not _COMMIT.fullmatch(answer["sha"]):
            raise ValueError(answer["sha"])
        info = None if lacks_sizes(answer) else described(record.id, answer)
        return _Described(record, answer, info)

    is_fixed = _COMMIT.fullmatch(about.revision or "") is not None
    fresh_seconds = COMMIT_SECONDS if is_fixed else SEARCH_SECONDS
    return ApiRequest(path, read, [("blobs", "true")], about, fresh_seconds)


def _tree(about: RepositoryReference, found: _Described) -> ApiRequest[RepositoryInfo]:
    path = f"/api/models/{about.repository}/tree/{found.answer['sha']}"

    def read(content: bytes) -> RepositoryInfo:
        siblings = list(siblings_in(msgspec.json.decode(content)))
        return described(found.record.id, found.answer | {"siblings": siblings})

    return ApiRequest(path, read, [("recursive", "true")], about, COMMIT_SECONDS)


def _with_excerpt(config: dict[str, Any], excerpt: object) -> dict[str, Any]:
    return {**fields_of(excerpt), **config}


def _page_of(
    record: ModelRecord, info: RepositoryInfo, parts: PageParts, endpoint: str, number: int
) -> HubPageFound:
    return HubPageFound(
        number=number,
        repository=info.repository,
        commit=info.commit,
        kind=kind_of(record),
        card=parts.card,
        license=record.license,
        license_link=_address_of(record.license_link, info, endpoint),
        gated=_gated_state(info, parts),
        base_models=record.base_models,
        quantized_by_others=parts.quantized,
        formats=record.formats,
        files=tuple(HubFile(file.path, file.size_bytes) for file in info.files[:_MAX_FILES]),
        revisions=parts.revisions,
        parameters=record.parameters,
        architecture=record.architecture,
        context=record.context or _context_in(fields_of(record.config)),
        downloads=number_of(record.downloads),
        likes=number_of(record.likes),
        updated=record.updated,
    )


def _gated_state(info: RepositoryInfo, parts: PageParts) -> GatedState:
    if not info.gated:
        return "open"
    return "no_access" if parts.is_refused else "gated"


def _address_of(link: str, info: RepositoryInfo, endpoint: str) -> str:
    """Return the address of a license that is given as such, or as a file of the repository."""
    if link.startswith(("https://", "http://")):
        return link
    if any(file.path == link for file in info.files):
        return f"{endpoint}/{info.repository}/blob/{info.commit}/{quote(link)}"
    return ""


def _context_in(config: dict[str, Any]) -> int:
    parts = (config, fields_of(config.get("text_config")))
    given = (number_of(part.get(key)) for part in parts for key in _CONTEXT_KEYS)
    return next(filter(None, given), 0)
