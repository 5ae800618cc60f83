"""Facts about a model in the library that travel with it from the scan to the window."""

from __future__ import annotations

from typing import Literal

import msgspec


class ModelFacts(msgspec.Struct, frozen=True):
    """Facts in a model's header beyond its name and size.

    `bits_per_weight` counts the bytes of the tensors; `origin` is the repository that the file came
    from or was converted from, `base_model` the one that this is based on, both empty if unknown.
    """

    bits_per_weight: float = 0.0
    has_chat_template: bool = False
    license: str = ""
    quantized_by: str = ""
    origin: str = ""
    base_model: str = ""


class Measured(msgspec.Struct, frozen=True):
    """Results of `measure`; `divergence` is the KL divergence from a reference in nats, if any."""

    perplexity: float
    tokens_per_second: float
    divergence: float | None = None


class Marks(msgspec.Struct, frozen=True):
    """The user's notes on a model: a label that replaces its name, tags, and a favorite mark."""

    label: str = ""
    tags: tuple[str, ...] = ()
    is_favorite: bool = False


class Verification(msgspec.Struct, frozen=True):
    """The result of comparing the SHA-256 of a model's files, in order, with the expected ones.

    `outcome` is "verified" if they are what their source lists, "recorded" if nothing was known to
    compare them with, and "changed" if they differ. `date` is the day, as YYYY-MM-DD.
    """

    outcome: Literal["verified", "recorded", "changed"]
    date: str
    sha256: tuple[str, ...]
