"""Facts about a model in the library that travel with it from the scan to the window."""

from __future__ import annotations

from typing import Literal

import msgspec


class ModelFacts(msgspec.Struct, frozen=True):
    """What a model's header says about it beyond its name and size.

    `bits_per_weight` counts the bytes of the tensors; `origin` is the repository that the file came
    from, `base_model` the one that it was made from, both empty if unknown.
    """

    bits_per_weight: float = 0.0
    has_chat_template: bool = False
    license: str = ""
    quantized_by: str = ""
    origin: str = ""
    base_model: str = ""


class Measured(msgspec.Struct, frozen=True):
    """What `measure` found: perplexity, speed of replies, and nats from a reference, if any."""

    perplexity: float
    tokens_per_second: float
    divergence: float | None = None


class Marks(msgspec.Struct, frozen=True):
    """What the user noted about a model: a label that is shown instead of its name, and tags."""

    label: str = ""
    tags: tuple[str, ...] = ()
    is_favorite: bool = False


class Verification(msgspec.Struct, frozen=True):
    """The SHA-256 of a model's files, one after the other, and what it was compared with.

    `outcome` is "verified" if they are what their source lists, "recorded" if nothing was known to
    compare them with, and "changed" if they differ. `date` is the day, as YYYY-MM-DD.
    """

    outcome: Literal["verified", "recorded", "changed"]
    date: str
    sha256: tuple[str, ...]
