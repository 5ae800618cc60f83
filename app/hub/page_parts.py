"""The parts of a repository's page that are asked for apart from its description."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import msgspec

from app.core.errors import AppError, Canceled
from app.hub.hub_api import COMMIT_SECONDS, ApiRequest, HubApi, T
from app.hub.model_card import read_card
from app.hub.model_record import fields_of, number_of, texts_of
from app.hub.reference import RepositoryReference
from app.hub.repository import RepositoryInfo

_CARD = "README.md"
_CONFIGURATION = "config.json"
_LARGEST_BYTES = 2**20
_WAIT_SECONDS = 8.0
_MAX_REVISIONS = 500


@dataclass(frozen=True)
class PageParts:
    """Parts of a page; one that did not come in time is empty.

    Attributes:
        card: The model card.
        config: The model's `config.json`.
        revisions: Branches and tags.
        quantized: The number of models that were quantized from this one.
        is_refused: The Hub refuses to give this user the weights.
    """

    card: str = ""
    config: dict[str, Any] = field(default_factory=dict)
    revisions: tuple[str, ...] = ()
    quantized: int = 0
    is_refused: bool = False


def fetch_parts(info: RepositoryInfo, api: HubApi) -> PageParts:
    """Ask for all parts at the same time, and wait for them for a limited time."""
    asked = _PartRequests(info, api)
    pool = ThreadPoolExecutor()
    try:
        card = pool.submit(asked.card)
        config = pool.submit(asked.config)
        revisions = pool.submit(asked.revisions)
        quantized = pool.submit(asked.quantized)
        is_refused = pool.submit(asked.is_refused)
        parts: tuple[Future[Any], ...] = (card, config, revisions, quantized, is_refused)
        wait(parts, _WAIT_SECONDS)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return PageParts(
        _result(card, ""),
        _result(config, {}),
        _result(revisions, ()),
        _result(quantized, 0),
        _result(is_refused, False),
    )


@dataclass(frozen=True)
class _PartRequests:
    info: RepositoryInfo
    api: HubApi

    def card(self) -> str:
        return self._file(_CARD, read_card, "")

    def config(self) -> dict[str, Any]:
        return self._file(_CONFIGURATION, _read_fields, {})

    def revisions(self) -> tuple[str, ...]:
        path = f"/api/models/{self.info.repository}/refs"
        return self.api.ask(ApiRequest(path, _read_revisions, about=self._about)).value

    def quantized(self) -> int:
        path, query = f"/api/models/{self.info.repository}", [("expand", "childrenModelCount")]
        request = ApiRequest(
            path, _read_quantized, query, self._about, fresh_seconds=COMMIT_SECONDS
        )
        return self.api.ask(request).value

    def is_refused(self) -> bool:
        if not self.info.gated or not self.info.files:
            return False
        # Small files, such as the card, are public even then.
        largest = max(self.info.files, key=lambda file: file.size_bytes)
        return self.api.is_refused(self._path_of(largest.path))

    def _file(self, path: str, read: Callable[[bytes], T], default: T) -> T:
        if all(file.path != path for file in self.info.files):
            return default
        request = ApiRequest(
            self._path_of(path),
            read,
            about=self._about,
            fresh_seconds=COMMIT_SECONDS,
            largest_bytes=_LARGEST_BYTES,
        )
        return self.api.ask(request).value

    @property
    def _about(self) -> RepositoryReference:
        return RepositoryReference(self.info.repository, self.info.commit)

    def _path_of(self, path: str) -> str:
        return f"/{self.info.repository}/resolve/{self.info.commit}/{quote(path)}"


def _result(part: Future[T], default: T) -> T:
    try:
        return part.result() if part.done() and not part.cancelled() else default
    except (AppError, Canceled):
        return default


def _read_fields(content: bytes) -> dict[str, Any]:
    return fields_of(msgspec.json.decode(content))


def _read_revisions(content: bytes) -> tuple[str, ...]:
    refs = _read_fields(content)
    listed = [*(refs.get("branches") or ()), *(refs.get("tags") or ())]
    names = (name for ref in listed for name in texts_of(fields_of(ref).get("name")))
    return tuple(dict.fromkeys(names))[:_MAX_REVISIONS]


def _read_quantized(content: bytes) -> int:
    return number_of(fields_of(_read_fields(content).get("childrenModelCount")).get("quantized"))
