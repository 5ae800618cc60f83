"""What is found out once about a source on a machine; every estimate is arithmetic on it."""

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
"""A file that does not say which level it has."""


@dataclass(frozen=True)
class LevelProfile:
    """A level of a source; None is unknown, and `problem` says why in words.

    `size_bytes` of the file is right to the byte with `is_exact`. Without `weights` the engine
    can't load the model. `quality` is the best that is known. `typed` are the weights by their
    type, `correction` is what real speeds of the level were of those predicted.
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
    """A source and the machine: how it is built, its levels, and what loads of it told.

    `caches` are those of a load with the `largest_context`, in tokens. A token of a causal model
    sees only what comes before it. `rates` are the machine's, as far as they were measured;
    `speed_problem` is a sentence, where something kept them from being measured.
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


def encode_profile(profile: ModelProfile) -> str:
    """The profile as JSON, for another process."""
    return msgspec.json.encode(profile).decode()


def decode_profile(text: str) -> ModelProfile:
    """The profile that `encode_profile` wrote.

    Raises:
        msgspec.DecodeError: when the text is something else.
    """
    return msgspec.json.decode(text, type=ModelProfile)
