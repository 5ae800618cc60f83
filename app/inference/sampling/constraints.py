"""What a reply is held to, token by token, by the library llguidance."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from functools import cached_property

import numpy as np
from llguidance import LLMatcher, LLParserLimits, LLTokenizer, TokenizerWrapper

from app.core.errors import AppError, ErrorCode
from app.inference.sampling.candidates import Candidates
from app.inference.tokens.vocabulary import Vocabulary

_MOST_ROW_ITEMS = 10_000
"""An object takes four for each of its optional properties."""
_FAULTS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
    (
        re.compile(r'Unimplemented keys: \["(.*)"\]'),
        lambda found: f"{found[1].replace(chr(34), '')} is not supported in a JSON schema",
    ),
    (
        re.compile("Unknown format: (.*)"),
        lambda found: f"the format “{found[1]}” is not supported in a JSON schema",
    ),
    (
        re.compile("^$|^NoExtension"),
        lambda _: "no text follows the JSON schema to its end",
    ),
    (
        re.compile(r"regex parse error:(?s:.*)error: ([^\n]*)"),
        lambda found: f"a pattern of the JSON schema can't be used: {found[1]}",
    ),
    (
        re.compile("oneOf constraints are not supported"),
        lambda _: (
            "oneOf is not supported in a JSON schema unless its alternatives differ by type, "
            "or by the constant value of a property"
        ),
    ),
)


class Constraint:
    """What one reply is held to; `accept` tells it each token that was chosen."""

    def __init__(self, matcher: LLMatcher, ends: Collection[int]) -> None:
        self._matcher = matcher
        self._ends = ends

    def allows(self, token: int) -> bool:
        """Whether a token may come next."""
        if token in self._ends:
            is_complete: bool = self._matcher.is_accepting()
            return is_complete
        return self._matcher.validate_tokens([token]) == 1

    def restrict(self, candidates: Candidates) -> None:
        """Leave only the tokens that may come next.

        Raises:
            AppError: `request_invalid` when there are none, or it takes too long to find them.
        """
        bits = np.frombuffer(self._matcher.compute_bitmask(), np.uint8)
        allowed = np.unpackbits(bits, count=len(candidates), bitorder="little").astype(bool)
        if self._matcher.is_error() or not allowed.any():
            raise AppError(ErrorCode.REQUEST_INVALID, reason=_reason(self._matcher.get_error()))
        candidates["logit"][~allowed] = -np.inf

    def accept(self, token: int) -> None:
        """Go on after a token."""
        self._matcher.consume_token(token)

    def close(self) -> None:
        """Nothing is left to be freed."""


class Constraints:
    """Makes constraints of grammars; from several threads at once, which need a large stack."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary

    def make(self, grammar: str) -> Constraint:
        """The constraint of a grammar as `app.inference.schemas.lark` writes them.

        References from schema to schema are followed by recursion, on the caller's stack.

        Raises:
            AppError: `request_invalid`, with the name of what can't be kept.
        """
        limits = LLParserLimits(max_items_in_row=_MOST_ROW_ITEMS, verbose_errors=False)
        matcher = LLMatcher(self._tokenizer, grammar, log_level=0, limits=limits)
        if matcher.is_error():
            raise AppError(ErrorCode.REQUEST_INVALID, reason=_reason(matcher.get_error()))
        return Constraint(matcher, self._tokenizer.eos_tokens)

    @cached_property
    def _tokenizer(self) -> LLTokenizer:
        vocabulary = self.vocabulary
        ends = [token for token in range(vocabulary.size) if vocabulary.ends_reply(token)]
        if not ends:
            reason = (
                "this model has no token that ends a reply, so that it could not end a JSON text"
            )
            raise AppError(ErrorCode.REQUEST_INVALID, reason=reason)
        tokens = _Tokens(vocabulary, ends[0])
        tokenizer = LLTokenizer(TokenizerWrapper(tokens), eos_token=ends)
        tokens.greedy = tokenizer.greedy_tokenize
        return tokenizer


class _Tokens:
    """A vocabulary in the form that llguidance asks for; the names are its own."""

    bos_token_id = None

    def __init__(self, vocabulary: Vocabulary, end: int) -> None:
        self._vocabulary = vocabulary
        self.greedy: Callable[[str], list[int]] | None = None
        self.eos_token_id = end
        self.tokens = [vocabulary.piece(token) for token in range(vocabulary.size)]
        self.special_token_ids = []
        for text, token in vocabulary.control_texts().items():
            self.tokens[token] = text.encode()
            self.special_token_ids.append(token)

    def __call__(self, text: str) -> list[int]:
        tokens = self._vocabulary.tokenize_inside(text)
        if self.greedy and self._vocabulary.detokenize(tokens) != text.encode():
            # A vocabulary without a token for a space, for one.
            return self.greedy(text)
        return tokens


def _reason(fault: str) -> str:
    for pattern, sentence in _FAULTS:
        if found := pattern.search(fault):
            return sentence(found)
    _, _, detail = fault.strip().rpartition("failed to compile JSON schema: ")
    return f"the JSON schema can't be used ({detail.partition(chr(10))[0]})"
