"""Events about the Hub: search results and pages of repositories.

Each answers one request, whose number it carries; see `HubRequest`.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from app.core.errors import ErrorCode, ErrorDetails

RepositoryKind = Literal[
    "chat", "text", "embedding", "encoder", "vision", "speech", "image", "other"
]
"""Purpose of a model. Only `chat` and `text` (a base model) can be chatted with."""
WeightFormat = Literal["safetensors", "gguf"]
FitVerdict = Literal["", "on_devices", "shared", "on_processor", "too_large"]
GatedState = Literal["open", "gated", "no_access"]
"""`gated`: the owner asks users to accept terms; `no_access`: this user hasn't."""
SearchSort = Literal["trending", "downloads", "likes", "updated"]


class HubSearch(msgspec.Struct, frozen=True, tag="search", kw_only=True):
    """A search; empty fields and zeros don't restrict it.

    `text` are words of the name, `author` an owner. `min_parameters` and `max_parameters` bound
    the number of parameters. `fits_only` leaves out models that are too large
    for this machine. `quantized_from` is the repository that the models were quantized from.
    """

    text: str = ""
    author: str = ""
    task: str = ""
    format: WeightFormat | Literal[""] = ""
    license: str = ""
    language: str = ""
    gated: bool | None = None
    quantized_from: str = ""
    min_parameters: int = 0
    max_parameters: int = 0
    fits_only: bool = False
    sort: SearchSort = "trending"
    limit: int = 30


class HubPage(msgspec.Struct, frozen=True, tag="page", kw_only=True):
    """A request for the page of a repository, as `owner/name`; the revision defaults to main."""

    repository: str
    revision: str | None = None


class FirstModels(msgspec.Struct, frozen=True, tag="first_models"):
    """A request for open chat models that fit this machine, smallest first, as search results."""


class HubRequest(msgspec.Struct, frozen=True, tag="ask"):
    """A numbered request; a newer one with the same `channel` makes the older one obsolete."""

    number: int
    channel: str
    query: HubSearch | HubPage | FirstModels


class HubModelFound(msgspec.Struct, frozen=True, tag="hub_model", kw_only=True):
    """A search result.

    `parameters` is 0 where the Hub doesn't know. `best_level` is the level that suits this machine
    best by size alone, `size_bytes` the approximate size of the file at that level, and `fit` where
    it would be placed; empty and 0 where nothing is known, as for a model that doesn't chat, and
    for the level and size of a repository with GGUF files. `updated` is a date as YYYY-MM-DD.
    `sentence` describes a first model; it is empty in a search.
    """

    number: int
    repository: str
    kind: RepositoryKind
    parameters: int = 0
    downloads: int = 0
    likes: int = 0
    updated: str = ""
    license: str = ""
    languages: tuple[str, ...] = ()
    formats: tuple[WeightFormat, ...] = ()
    gated: bool = False
    best_level: str = ""
    size_bytes: int = 0
    fit: FitVerdict = ""
    sentence: str = ""


class HubFile(msgspec.Struct, frozen=True):
    """A file of a repository."""

    path: str
    size_bytes: int


class HubPageFound(msgspec.Struct, frozen=True, tag="hub_page", kw_only=True):
    """The page of a repository at one commit.

    `card` is the model card in Markdown without its front matter; it is written by strangers.
    `obstacle` says why the model can't be converted or chatted with, if so. `revisions` are the
    branches and tags.
    """

    number: int
    repository: str
    commit: str
    kind: RepositoryKind
    card: str = ""
    license: str = ""
    license_link: str = ""
    gated: GatedState = "open"
    base_models: tuple[str, ...] = ()
    quantized_by_others: int = 0
    formats: tuple[WeightFormat, ...] = ()
    files: tuple[HubFile, ...] = ()
    revisions: tuple[str, ...] = ()
    parameters: int = 0
    architecture: str = ""
    context: int = 0
    downloads: int = 0
    likes: int = 0
    updated: str = ""
    obstacle: ErrorCode | None = None
    details: ErrorDetails = msgspec.field(default_factory=dict, name="facts")


class HubAnswered(msgspec.Struct, frozen=True, tag="hub_answered"):
    """The end of an answer; `problem` says why there is none.

    `cached` is true if it came from the cache because the Hub could not be reached.
    """

    number: int
    problem: ErrorCode | None = None
    details: ErrorDetails = msgspec.field(default_factory=dict, name="facts")
    cached: bool = False
