"""Sampling parameters: the values of llama.cpp's samplers, with their bounds."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Annotated, Any, Literal

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

LARGEST_GRAMMAR_BYTES = 64 * 1024
_LONGEST_PENALTY = 4096
_MAX_BIASES = 4096
Penalty = Annotated[float, Meta(ge=-2, le=2)]
Reach = Annotated[int, Meta(ge=-1, le=_LONGEST_PENALTY)]
"""A number of last tokens; -1 is all of them."""
DryMultiplier = Annotated[float, Meta(ge=0, le=100)]
DryBase = Annotated[float, Meta(ge=1, le=100)]
Mirostat = Literal[0, 1, 2]
MirostatTau = Annotated[float, Meta(ge=0, le=100)]
MirostatEta = Annotated[float, Meta(ge=0, le=10)]
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


_METADATA_KEYS = {
    "temperature": "general.sampling.temp",
    "top_k": "general.sampling.top_k",
    "top_p": "general.sampling.top_p",
    "min_p": "general.sampling.min_p",
    "repeat_penalty": "general.sampling.penalty_repeat",
    "penalty_last_n": "general.sampling.penalty_last_n",
    "xtc_probability": "general.sampling.xtc_probability",
    "xtc_threshold": "general.sampling.xtc_threshold",
    "mirostat": "general.sampling.mirostat",
    "mirostat_tau": "general.sampling.mirostat_tau",
    "mirostat_eta": "general.sampling.mirostat_eta",
}
"""All but the order of the samplers (`general.sampling.sequence`), which is llama.cpp's default."""


def default_sampling(metadata: Mapping[str, object]) -> SamplingParameters:
    """Return the parameters recommended in a model's file, over llama.cpp's defaults."""
    return msgspec.structs.replace(SamplingParameters(), **_recommended(metadata))


def reported_defaults(metadata: Mapping[str, object]) -> dict[str, SamplingDefault]:
    """Return the defaults that a chat's settings can change, for the window."""
    recommended, sampling = _recommended(metadata), default_sampling(metadata)
    return {
        name: SamplingDefault(getattr(sampling, name), name in recommended)
        for name in ChatSettings.__struct_fields__
        if name in _METADATA_KEYS
    }


def _recommended(metadata: Mapping[str, object]) -> dict[str, Any]:
    """Return the valid recommendations of a model's file.

    llama.cpp's converter takes the values from generation_config.json; the keys are listed in
    gguf-py/gguf/constants.py.
    """
    found: dict[str, Any] = {}
    for name, key in _METADATA_KEYS.items():
        if key not in metadata:
            continue
        with suppress(msgspec.ValidationError):
            valid = msgspec.convert({name: metadata[key]}, SamplingParameters)
            found[name] = getattr(valid, name)
    return found
