"""Sample tokens with llama.cpp's sampler chain, in llama.cpp's default order."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator, Sequence

from app.inference.sampling.candidates import Candidates, apply_sampler, candidates_of
from app.inference.sampling.constraints import Constraint
from app.inference.sampling.grammar import Grammar
from app.inference.sampling.parameters import SamplingParameters
from app.inference.tokens.decoding import Floats
from app.inference.tokens.vocabulary import Vocabulary
from app.native.library import load_llama

_DRY_BREAKERS = (b"\n", b":", b'"', b"*")
_MIROSTAT_TOKENS = 100


class Sampler:
    """Samples the tokens of one reply, following a grammar or constraint; `close` frees it.

    Raises:
        AppError: `request_invalid` for an invalid grammar.
    """

    def __init__(
        self,
        sampling: SamplingParameters,
        vocabulary: Vocabulary,
        prompt: Sequence[int],
        constraint: Constraint | None = None,
    ) -> None:
        self._llama = load_llama()
        self._rule: Constraint | Grammar | None = constraint
        if sampling.grammar:
            self._rule = Grammar(sampling.grammar, vocabulary)
        self._chain = self._llama.llama_sampler_chain_init(
            self._llama.llama_sampler_chain_default_params()
        )
        for sampler in _samplers(sampling, vocabulary, prompt):
            self._llama.llama_sampler_chain_add(self._chain, sampler)

    def sample(self, context: int, index: int, logits: Callable[[], Floats]) -> int:
        """Return the token sampled after the one at `index` in the last batch.

        Raises:
            AppError: `request_invalid` if the constraint leaves no token, or is too complex.
        """
        if self._rule is None:
            token: int = self._llama.llama_sampler_sample(self._chain, context, index)
            return token
        token = self._sample_by(self._rule, logits())
        self._llama.llama_sampler_accept(self._chain, token)
        return token

    def close(self) -> None:
        """Free the samplers."""
        self._llama.llama_sampler_free(self._chain)
        if self._rule is not None:
            self._rule.close()

    def _sample_by(self, rule: Constraint | Grammar, logits: Floats) -> int:
        """Sample as common/sampling.cpp does: filter all tokens only if the first is rejected."""
        token = self._chosen(candidates_of(logits))
        if not rule.allows(token):
            candidates = candidates_of(logits)
            rule.restrict(candidates)
            token = self._chosen(candidates)
        rule.accept(token)
        return token

    def _chosen(self, candidates: Candidates) -> int:
        array = apply_sampler(self._chain, candidates)
        return int(array.data[array.selected].id)


def _samplers(
    sampling: SamplingParameters, vocabulary: Vocabulary, prompt: Sequence[int]
) -> Iterator[ctypes.c_void_p]:
    llama = load_llama()
    if sampling.logit_bias:
        yield _bias(sampling, vocabulary)
    for sampler, length in _penalties(sampling, vocabulary):
        # The prompt's tokens also count as repeated.
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


def _penalties(
    sampling: SamplingParameters, vocabulary: Vocabulary
) -> Iterator[tuple[ctypes.c_void_p, int]]:
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


def _bias(sampling: SamplingParameters, vocabulary: Vocabulary) -> ctypes.c_void_p:
    llama = load_llama()
    given = {token: bias for token, bias in sampling.logit_bias.items() if token < vocabulary.size}
    array = (llama.llama_logit_bias * len(given))(*given.items())
    sampler: ctypes.c_void_p = llama.llama_sampler_init_logit_bias(
        vocabulary.size, len(array), array
    )
    return sampler


def _mirostat(sampling: SamplingParameters, vocabulary: Vocabulary) -> ctypes.c_void_p:
    llama = load_llama()
    values = (sampling.mirostat_tau, sampling.mirostat_eta)
    if sampling.mirostat == 1:
        sampler: ctypes.c_void_p = llama.llama_sampler_init_mirostat(
            vocabulary.size, sampling.seed, *values, _MIROSTAT_TOKENS
        )
        return sampler
    second: ctypes.c_void_p = llama.llama_sampler_init_mirostat_v2(sampling.seed, *values)
    return second
