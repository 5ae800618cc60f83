"""Facts about a model in the library that travel with it from the scan to the window."""

from __future__ import annotations

from typing import Literal

import msgspec


class ModelFacts(msgspec.Struct, frozen=True):
    """Facts in a model's header beyond its name and size.

    `bits_per_weight` counts the bytes of the tensors; `origin` is the repository that the file came
    from or was converted from, `base_model` the one that this is based on, both empty if unknown.
    If `has_measured_types`, its types were chosen by measurement, or its rounding was corrected.
    """

    bits_per_weight: float = 0.0
    has_chat_template: bool = False
    license: str = ""
    quantized_by: str = ""
    origin: str = ""
    base_model: str = ""
    has_measured_types: bool = False


class Measured(msgspec.Struct, frozen=True):
    """Results of `measure`; a part that was not measured is None.

    `tokens_per_second` is the speed of a reply. `divergence` is the mean KL divergence from the
    model `reference` in nats, `top_token_agreement` the share of positions (0 to 1) with the same
    most likely token. `text` describes the text of the perplexity, `compared_text` that of the
    comparison; figures for different texts can't be compared. `date` is the day of the last
    measurement, as YYYY-MM-DD, empty if unknown. If `is_disturbed`, other programs kept the
    processors busy while the speed was measured. Unless `is_current`, the file has changed since.
    """

    perplexity: float | None = None
    tokens_per_second: float | None = None
    divergence: float | None = None
    median_divergence: float | None = None
    p999_divergence: float | None = None
    top_token_agreement: float | None = None
    prompt_tokens_per_second: float | None = None
    peak_memory_bytes: int | None = None
    text: str = ""
    compared_text: str = ""
    reference: str = ""
    date: str = ""
    is_disturbed: bool = False
    is_current: bool = True


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
