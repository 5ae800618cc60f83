"""Sampling parameters: the values of llama.cpp's samplers, with their bounds."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from app.core.chat_settings import (
    RANDOM_SEED,
    ChatSettings,
    Probability,
    RepeatPenalty,
    Temperature,
    TopK,
)
from app.core.events import SamplingDefault
from app.core.recommended_sampling import (
    SAMPLING_KEYS,
    Mirostat,
    MirostatEta,
    MirostatTau,
    Reach,
)

LARGEST_GRAMMAR_BYTES = 64 * 1024
_MAX_BIASES = 4096
Penalty = Annotated[float, Meta(ge=-2, le=2)]
DryMultiplier = Annotated[float, Meta(ge=0, le=100)]
DryBase = Annotated[float, Meta(ge=1, le=100)]
TokenBiases = Annotated[
    dict[Annotated[int, Meta(ge=0)], Annotated[float, Meta(ge=-100, le=100)]],
    Meta(max_length=_MAX_BIASES),
]
Grammar = Annotated[str, Meta(max_length=LARGEST_GRAMMAR_BYTES)]


class SamplingParameters(msgspec.Struct, frozen=True, kw_only=True):
    """The parameters; the defaults are llama.cpp's (common/common.h)."""

    temperature: Temperature = 0.8
    top_k: TopK = 40
    top_p: Probability = 0.95
    min_p: Probability = 0.05
    typical_p: Probability = 1.0
    repeat_penalty: RepeatPenalty = 1.0
    frequency_penalty: Penalty = 0.0
    presence_penalty: Penalty = 0.0
    penalty_last_n: Reach = 64
    dry_multiplier: DryMultiplier = 0.0
    dry_base: DryBase = 1.75
    dry_allowed_length: Reach = 2
    dry_penalty_last_n: Reach = 1024
    xtc_probability: Probability = 0.0
    xtc_threshold: Probability = 0.1
    mirostat: Mirostat = 0
    mirostat_tau: MirostatTau = 5.0
    mirostat_eta: MirostatEta = 0.1
    seed: Annotated[int, Meta(ge=0, le=RANDOM_SEED)] = RANDOM_SEED
    logit_bias: TokenBiases = {}
    grammar: Grammar = ""


def default_sampling(metadata: Mapping[str, object]) -> SamplingParameters:
    """Return the parameters recommended in a model's file, over llama.cpp's defaults."""
    return msgspec.structs.replace(SamplingParameters(), **_recommended(metadata))


def reported_defaults(metadata: Mapping[str, object]) -> dict[str, SamplingDefault]:
    """Return the defaults that a chat's settings can change, for the window."""
    recommended, sampling = _recommended(metadata), default_sampling(metadata)
    return {
        name: SamplingDefault(getattr(sampling, name), name in recommended)
        for name in ChatSettings.__struct_fields__
        if name in SAMPLING_KEYS
    }


def _recommended(metadata: Mapping[str, object]) -> dict[str, Any]:
    """Return the valid recommendations of a model's file.

    llama.cpp's converter takes the values from generation_config.json; the keys are listed in
    gguf-py/gguf/constants.py.
    """
    found: dict[str, Any] = {}
    for name, key in SAMPLING_KEYS.items():
        if key not in metadata:
            continue
        with suppress(msgspec.ValidationError):
            valid = msgspec.convert({name: metadata[key]}, SamplingParameters)
            found[name] = getattr(valid, name)
    return found
