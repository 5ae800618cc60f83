"""llama.cpp's sampler chain for one reply, in llama.cpp's default order, and its grammar."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from app.core.errors import AppError, ErrorCode
from app.inference.evaluation import Floats
from app.inference.grammar import require_bounded_grammar
from app.inference.sampling import Sampling
from app.inference.vocabulary import Vocabulary
from app.native.library import load_llama

_DRY_BREAKERS = (b"\n", b":", b'"', b"*")
_MIROSTAT_TOKENS = 100
_CANDIDATE = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)])


class Sampler:
    """Chooses the tokens of one reply; `close` frees it.

    Raises:
        AppError: `request_invalid` for a grammar that can't be used.
    """

    def __init__(self, sampling: Sampling, vocabulary: Vocabulary, prompt: Sequence[int]) -> None:
        self._llama = load_llama()
        self._vocabulary = vocabulary
        self._grammar = self._new_grammar(sampling.grammar)
        # The grammar would take them for the end of what it describes.
        self._barred = vocabulary.mistaken_ends() if sampling.grammar else []
        self._chain = self._llama.llama_sampler_chain_init(
            self._llama.llama_sampler_chain_default_params()
        )
        for sampler in _samplers(sampling, vocabulary, prompt):
            self._llama.llama_sampler_chain_add(self._chain, sampler)

    def sample(self, context: int, place: int, logits: Callable[[], Floats]) -> int:
        """The next token, after the one at `place` of the last batch."""
        if self._grammar is None:
            token: int = self._llama.llama_sampler_sample(self._chain, context, place)
            return token
        return self._sample_by_grammar(logits())

    def close(self) -> None:
        """Free it."""
        self._llama.llama_sampler_free(self._chain)
        if self._grammar is not None:
            self._llama.llama_sampler_free(self._grammar)

    def _new_grammar(self, text: str) -> Any | None:
        if not text:
            return None
        require_bounded_grammar(text)
        grammar = self._llama.llama_sampler_init_grammar(
            self._vocabulary.pointer, text.encode("utf-8", "replace"), b"root"
        )
        if not grammar:
            raise AppError(ErrorCode.REQUEST_INVALID, reason="the grammar can't be read")
        return grammar

    def _sample_by_grammar(self, logits: Floats) -> int:
        """As common/sampling.cpp does it: the grammar looks at one token, and at all if it must."""
        candidates = np.zeros(len(logits), _CANDIDATE)
        candidates["id"], candidates["logit"] = np.arange(len(logits)), logits
        candidates["logit"][self._barred] = -np.inf
        token = self._chosen(candidates.copy())
        single = candidates[token : token + 1].copy()
        self._apply(self._grammar, single)
        if not np.isfinite(single["logit"][0]):
            self._apply(self._grammar, candidates)
            token = self._chosen(candidates)
        self._llama.llama_sampler_accept(self._grammar, token)
        self._llama.llama_sampler_accept(self._chain, token)
        return token

    def _chosen(self, candidates: Any) -> int:
        array = self._apply(self._chain, candidates)
        return int(array.data[array.selected].id)

    def _apply(self, sampler: Any, candidates: Any) -> Any:
        pointer = ctypes.cast(candidates.ctypes.data, self._llama.llama_token_data_p)
        array = self._llama.llama_token_data_array(pointer, len(candidates), -1, False)
        self._llama.llama_sampler_apply(sampler, ctypes.byref(array))
        return array


def _samplers(
    sampling: Sampling, vocabulary: Vocabulary, prompt: Sequence[int]
) -> Iterator[ctypes.c_void_p]:
    llama = load_llama()
    if sampling.logit_bias:
        yield _bias(sampling, vocabulary)
    for sampler, length in _penalties(sampling, vocabulary):
        # What the prompt says already counts as said.
        for token in prompt[-length:]:
            llama.llama_sampler_accept(sampler, token)
        yield sampler
    if sampling.temperature == 0:
        yield llama.llama_sampler_init_greedy()
        return
    if sampling.mirostat:
        yield llama.llama_sampler_init_temp(sampling.temperature)
        yield _mirostat(sampling, vocabulary)
        return
    if sampling.top_k:
        yield llama.llama_sampler_init_top_k(sampling.top_k)
    yield llama.llama_sampler_init_typical(sampling.typical_p, 1)
    yield llama.llama_sampler_init_top_p(sampling.top_p, 1)
    yield llama.llama_sampler_init_min_p(sampling.min_p, 1)
    yield llama.llama_sampler_init_xtc(
        sampling.xtc_probability, sampling.xtc_threshold, 1, sampling.seed
    )
    yield llama.llama_sampler_init_temp(sampling.temperature)
    yield llama.llama_sampler_init_dist(sampling.seed)


def _penalties(sampling: Sampling, vocabulary: Vocabulary) -> Iterator[tuple[ctypes.c_void_p, int]]:
    llama = load_llama()
    values = (sampling.repeat_penalty, sampling.frequency_penalty, sampling.presence_penalty)
    if values != (1, 0, 0) and sampling.penalty_last_n:
        length = sampling.penalty_last_n
        yield llama.llama_sampler_init_penalties(vocabulary.size, length, *values), length
    if sampling.dry_multiplier and sampling.dry_penalty_last_n:
        breakers = (ctypes.c_char_p * len(_DRY_BREAKERS))(*_DRY_BREAKERS)
        length = sampling.dry_penalty_last_n
        dry = llama.llama_sampler_init_dry(
            vocabulary.pointer,
            sampling.dry_multiplier,
            sampling.dry_base,
            sampling.dry_allowed_length,
            length,
            breakers,
            len(breakers),
        )
        yield dry, length


def _bias(sampling: Sampling, vocabulary: Vocabulary) -> ctypes.c_void_p:
    llama = load_llama()
    given = {token: bias for token, bias in sampling.logit_bias.items() if token < vocabulary.size}
    array = (llama.llama_logit_bias * len(given))(*given.items())
    sampler: ctypes.c_void_p = llama.llama_sampler_init_logit_bias(
        vocabulary.size, len(array), array
    )
    return sampler


def _mirostat(sampling: Sampling, vocabulary: Vocabulary) -> ctypes.c_void_p:
    llama = load_llama()
    values = (sampling.mirostat_tau, sampling.mirostat_eta)
    if sampling.mirostat == 1:
        sampler: ctypes.c_void_p = llama.llama_sampler_init_mirostat(
            vocabulary.size, sampling.seed, *values, _MIROSTAT_TOKENS
        )
        return sampler
    second: ctypes.c_void_p = llama.llama_sampler_init_mirostat_v2(sampling.seed, *values)
    return second
