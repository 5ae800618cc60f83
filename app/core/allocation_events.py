"""Events about types chosen for a target size."""

from __future__ import annotations

import msgspec

MEASURING_STEPS = frozenset({"sensitivity", "comparison", "rounding", "tuning"})
"""Steps whose sizes count work that passes over the same weights, so that only shares matter."""


class PlainFile(msgspec.Struct, frozen=True):
    """A plain level: the size of its file, and its predicted mean KL divergence in nats."""

    level: str
    size_bytes: int
    divergence: float


class ChosenShare(msgspec.Struct, frozen=True):
    """The tensors of one kind, such as `ffn_down`, that have one type."""

    kind: str
    type: str
    tensors: int
    size_bytes: int


class MeasuringPlanned(msgspec.Struct, frozen=True, tag="measuring_planned"):
    """A model is about to be measured, which takes about so many seconds."""

    seconds: float


class RoundingCorrected(msgspec.Struct, frozen=True, tag="rounding"):
    """The rounding of matrices was corrected.

    Attributes:
        tried: The number of matrices; each expert has its own.
        accepted: The number of those that are better than ggml's on held-out text; only they count.
    """

    tried: int
    accepted: int


class ScalesTuned(msgspec.Struct, frozen=True, tag="tuned"):
    """Block scales and norms were tuned.

    Attributes:
        before: The mean KL divergence on held-out text before, in nats.
        after: The same afterwards; not lower if what was tuned is discarded.
    """

    before: float
    after: float


class ComparedQuality(msgspec.Struct, frozen=True):
    """The distance of a file from its source on text that it was not made with.

    Attributes:
        size_bytes: The size of the file.
        divergence: The mean KL divergence, in nats.
        top_token_agreement: The share of positions with the same most likely token, 0 to 1.
        perplexity: The file's own.
    """

    size_bytes: int
    divergence: float
    top_token_agreement: float
    perplexity: float


class FileCompared(msgspec.Struct, frozen=True, tag="compared", kw_only=True):
    """A file that is about to be written, beside the plain level of about its size.

    Attributes:
        file: The quality of the file.
        level: The plain level.
        plain: The quality of that.
        perplexity: The perplexity of the source.
        tokens: The number of tokens that were read.
    """

    file: ComparedQuality
    level: str
    plain: ComparedQuality
    perplexity: float
    tokens: int

    @property
    def is_better(self) -> bool:
        """True if the file is closer to the source than the plain level."""
        return self.file.divergence < self.plain.divergence


class TypesChosen(msgspec.Struct, frozen=True, tag="types_chosen", kw_only=True):
    """The types of a file before it is written.

    Attributes:
        target: The path of the file.
        level: The plain level nearest in size.
        size_bytes: The size of the file, exact.
        bits_per_weight: The average over all tensors.
        divergence: The predicted mean KL divergence from the source, in nats.
        shares: The types of each kind of tensor.
        plain: The plain levels by their sizes.
        recipe: Pairs of a pattern for names of tensors and a type in lower case; the first that
            matches counts.
    """

    target: str
    level: str
    size_bytes: int
    bits_per_weight: float
    divergence: float
    shares: tuple[ChosenShare, ...]
    plain: tuple[PlainFile, ...]
    recipe: tuple[tuple[str, str], ...] = ()
