"""llama.cpp's own grammars (grammars/README.md there), as clients write them."""

from __future__ import annotations

import numpy as np

from app.core.errors import AppError, ErrorCode
from app.inference.sampling.candidates import Candidates, apply_sampler, candidate_of
from app.inference.sampling.grammar_bounds import require_bounded_grammar
from app.inference.tokens.vocabulary import Vocabulary
from app.native.library import load_llama


class Grammar:
    """What one reply is held to; `accept` tells it each token that was chosen, `close` frees it.

    Raises:
        AppError: `request_invalid` for a grammar that can't be used.
    """

    def __init__(self, text: str, vocabulary: Vocabulary) -> None:
        require_bounded_grammar(text)
        self._llama = load_llama()
        # It would take them for the end of what it describes.
        self._barred = vocabulary.mistaken_ends()
        self._sampler = self._llama.llama_sampler_init_grammar(
            vocabulary.pointer, text.encode("utf-8", "replace"), b"root"
        )
        if not self._sampler:
            raise AppError(ErrorCode.REQUEST_INVALID, reason="the grammar can't be read")

    def allows(self, token: int) -> bool:
        """Whether a token may come next."""
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
        """Go on after a token."""
        self._llama.llama_sampler_accept(self._sampler, token)

    def close(self) -> None:
        """Free it."""
        self._llama.llama_sampler_free(self._sampler)
