"""How the next token is chosen: llama.cpp's sampler chain, in llama.cpp's default order."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated

import msgspec
from msgspec import Meta

from app.native.library import load_llama

_RANDOM_SEED = 0xFFFFFFFF
_LONGEST_PENALTY = 4096
Probability = Annotated[float, Meta(ge=0, le=1)]


class Sampling(msgspec.Struct, frozen=True, kw_only=True):
    """The values of llama.cpp's samplers; the defaults are llama.cpp's (common/common.h)."""

    temperature: Annotated[float, Meta(ge=0, le=5)] = 0.8
    top_k: Annotated[int, Meta(ge=0, le=1_000_000)] = 40
    top_p: Probability = 0.95
    min_p: Probability = 0.05
    repeat_penalty: Annotated[float, Meta(ge=0.1, le=10)] = 1.0
    frequency_penalty: Annotated[float, Meta(ge=-2, le=2)] = 0.0
    presence_penalty: Annotated[float, Meta(ge=-2, le=2)] = 0.0
    penalty_last_n: Annotated[int, Meta(ge=0, le=_LONGEST_PENALTY)] = 64
    seed: Annotated[int, Meta(ge=0, le=_RANDOM_SEED)] = _RANDOM_SEED


_METADATA_KEYS = {
    "temperature": "general.sampling.temp",
    "top_k": "general.sampling.top_k",
    "top_p": "general.sampling.top_p",
    "min_p": "general.sampling.min_p",
    "repeat_penalty": "general.sampling.penalty_repeat",
    "penalty_last_n": "general.sampling.penalty_last_n",
}


def default_sampling(metadata: Mapping[str, object]) -> Sampling:
    """What a model's makers recommend, where its file says so, over llama.cpp's defaults.

    llama.cpp's converter takes the values from generation_config.json; the keys are listed in
    gguf-py/gguf/constants.py. A value that makes no sense counts as not given.
    """
    sampling = Sampling()
    for name, key in _METADATA_KEYS.items():
        try:
            sampling = msgspec.convert(
                msgspec.structs.asdict(sampling) | {name: metadata[key]}, Sampling
            )
        except (KeyError, msgspec.ValidationError):
            continue
    return sampling


@contextmanager
def sampler_chain(sampling: Sampling, vocabulary_size: int) -> Iterator[ctypes.c_void_p]:
    """A chain of samplers, freed at the end of the block."""
    llama = load_llama()
    chain = llama.llama_sampler_chain_init(llama.llama_sampler_chain_default_params())
    try:
        for sampler in _samplers(sampling, vocabulary_size):
            llama.llama_sampler_chain_add(chain, sampler)
        yield chain
    finally:
        llama.llama_sampler_free(chain)


def _samplers(sampling: Sampling, vocabulary_size: int) -> Iterator[ctypes.c_void_p]:
    llama = load_llama()
    penalties = (sampling.repeat_penalty, sampling.frequency_penalty, sampling.presence_penalty)
    if penalties != (1, 0, 0):
        yield llama.llama_sampler_init_penalties(
            vocabulary_size,
            sampling.penalty_last_n,
            *penalties,
        )
    if sampling.temperature == 0:
        yield llama.llama_sampler_init_greedy()
        return
    if sampling.top_k:
        yield llama.llama_sampler_init_top_k(sampling.top_k)
    yield llama.llama_sampler_init_top_p(sampling.top_p, 1)
    yield llama.llama_sampler_init_min_p(sampling.min_p, 1)
    yield llama.llama_sampler_init_temp(sampling.temperature)
    yield llama.llama_sampler_init_dist(sampling.seed)
