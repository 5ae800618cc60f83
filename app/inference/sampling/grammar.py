"""Constrain replies to clients' grammars in llama.cpp's GBNF (grammars/README.md there)."""

from __future__ import annotations

import numpy as np

from app.core.errors import AppError, ErrorCode
from app.core.language import tr
from app.inference.sampling.candidates import Candidates, apply_sampler, candidate_of
from app.inference.sampling.grammar_bounds import require_bounded_grammar
from app.inference.tokens.vocabulary import Vocabulary
from app.native.library import load_llama


class Grammar:
    """The grammar of one reply; `accept` advances it with each sampled token, `close` frees it.

    Raises:
        AppError: `request_invalid` for an invalid grammar.
    """

    def __init__(self, text: str, vocabulary: Vocabulary) -> None:
        require_bounded_grammar(text)
        self._llama = load_llama()
        # The grammar sampler would mistake them for the end of the reply.
        self._barred = vocabulary.mistaken_eog_tokens()
        self._sampler = self._llama.llama_sampler_init_grammar(
            vocabulary.pointer, text.encode("utf-8", "replace"), b"root"
        )
        if not self._sampler:
            raise AppError(ErrorCode.REQUEST_INVALID, reason=tr("the grammar is not valid"))

    def allows(self, token: int) -> bool:
        """Return whether a token may come next."""
        if token in self._barred:
            return False
        candidate = candidate_of(token)
        apply_sampler(self._sampler, candidate)
        return bool(np.isfinite(candidate["logit"][0]))

    def restrict(self, candidates: Candidates) -> None:
        """Leave only the tokens that may come next."""
        candidates["logit"][self._barred] = -np.inf
        apply_sampler(self._sampler, candidates)

    def accept(self, token: int) -> None:
        """Advance by a token."""
        self._llama.llama_sampler_accept(self._sampler, token)

    def close(self) -> None:
        """Free the sampler."""
        self._llama.llama_sampler_free(self._sampler)
