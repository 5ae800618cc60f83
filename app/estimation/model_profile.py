"""The profile of a source on a machine, collected once; every estimate is computed from it."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from app.estimation.compute_buffers import LoadSample
from app.estimation.hardware import Hardware
from app.estimation.model_shape import ModelShape
from app.estimation.quality import Quality
from app.estimation.rates import MachineRates
from app.estimation.speed import NO_CORRECTION, Correction, TypedWeights
from app.estimation.weights import Weights
from app.native.load_log import Cache

UNNAMED_LEVEL = "as it is"
"""The level of a file that doesn't name its level."""


@dataclass(frozen=True)
class LevelProfile:
    """A level of a source; None means unknown, and `problem` is a sentence with the reason.

    With `is_exact`, `size_bytes` of the file is exact. Without `weights` the engine can't load the
    model. `quality` is the best known figure. `typed` are the weights by type, `correction` the
    ratios of the level's measured speeds to predicted ones.
    """

    level: str
    size_bytes: int | None
    is_exact: bool
    bits_per_weight: float | None
    weights: Weights | None = None
    problem: str = ""
    quality: Quality | None = None
    typed: TypedWeights | None = None
    correction: Correction = NO_CORRECTION


@dataclass(frozen=True)
class ModelProfile:
    """A source on a machine: its shape, its levels, and what dry loads of it reported.

    `caches` are those of a load with the `largest_context`, in tokens. In a causal model, a token
    sees only earlier ones. `rates` are the machine's, as far as measured; `speed_problem` is a
    sentence with the reason if they could not be measured.
    """

    hardware: Hardware
    shape: ModelShape
    is_causal: bool
    largest_context: int
    levels: tuple[LevelProfile, ...]
    caches: tuple[Cache, ...] = ()
    samples: tuple[LoadSample, ...] = ()
    rates: MachineRates | None = None
    speed_problem: str = ""

    @property
    def types(self) -> frozenset[str]:
        """The types of weights of all levels, as far as they are known."""
        return frozenset().union(*(level.typed.types for level in self.levels if level.typed))

    @property
    def has_rough_speeds(self) -> bool:
        """True if some of the rates were measured while other programs were busy."""
        return self.rates is not None and bool(self.rates.disturbed(self.types))


def encode_profile(profile: ModelProfile) -> str:
    """Return the profile as JSON, for another process."""
    return msgspec.json.encode(profile).decode()


def decode_profile(text: str) -> ModelProfile:
    """Return the profile that `encode_profile` encoded.

    Raises:
        msgspec.DecodeError: when the text is something else.
    """
    return msgspec.json.decode(text, type=ModelProfile)
