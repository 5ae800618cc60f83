"""Constrain replies to grammars, token by token, with the llguidance library."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from functools import cached_property

import numpy as np
from llguidance import LLMatcher, LLParserLimits, LLTokenizer, TokenizerWrapper

from app.core.errors import AppError, ErrorCode
from app.core.language import tr
from app.inference.sampling.candidates import Candidates
from app.inference.tokens.vocabulary import Vocabulary

_MAX_ROW_ITEMS = 10_000
"""An object takes four items for each of its optional properties."""
_FAULTS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
    (
        re.compile(r'Unimplemented keys: \["(.*)"\]'),
        lambda found: tr(
            "{keyword} is not supported in a JSON schema", keyword=found[1].replace('"', "")
        ),
    ),
    (
        re.compile("Unknown format: (.*)"),
        lambda found: tr(
            "the format “{format}” is not supported in a JSON schema", format=found[1]
        ),
    ),
    (
        re.compile("^$|^NoExtension"),
        lambda _: tr("no text satisfies the JSON schema"),
    ),
    (
        re.compile(r"regex parse error:(?s:.*)error: ([^\n]*)"),
        lambda found: tr("a pattern of the JSON schema can't be used: {fault}", fault=found[1]),
    ),
    (
        re.compile("oneOf constraints are not supported"),
        lambda _: tr(
            "oneOf is supported in a JSON schema only if its alternatives differ by type, "
            "or by the constant value of a property"
        ),
    ),
)


class Constraint:
    """The constraint of one reply; `accept` advances it with each sampled token."""

    def __init__(self, matcher: LLMatcher, eog_tokens: Collection[int]) -> None:
        self._matcher = matcher
        self._eog_tokens = eog_tokens

    def allows(self, token: int) -> bool:
        """Return whether a token may come next."""
        if token in self._eog_tokens:
            is_complete: bool = self._matcher.is_accepting()
            return is_complete
        return self._matcher.validate_tokens([token]) == 1

    def restrict(self, candidates: Candidates) -> None:
        """Leave only the tokens that may come next.

        Raises:
            AppError: `request_invalid` if there are none, or finding them takes too long.
        """
        bits = np.frombuffer(self._matcher.compute_bitmask(), np.uint8)
        allowed = np.unpackbits(bits, count=len(candidates), bitorder="little").astype(bool)
        if self._matcher.is_error() or not allowed.any():
            raise AppError(ErrorCode.REQUEST_INVALID, reason=_reason(self._matcher.get_error()))
        candidates["logit"][~allowed] = -np.inf

    def accept(self, token: int) -> None:
        """Advance by a token."""
        self._matcher.consume_token(token)

    def close(self) -> None:
        """Do nothing: llguidance frees its own memory."""


class Constraints:
    """Compiles grammars into constraints; thread-safe, but a calling thread needs a large stack."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary

    def make(self, grammar: str) -> Constraint:
        """Compile a grammar, as written by `app.inference.schemas.lark`.

        References between schemas are followed recursively, on the caller's stack.

        Raises:
            AppError: `request_invalid`, naming what is not supported.
        """
        limits = LLParserLimits(max_items_in_row=_MAX_ROW_ITEMS, verbose_errors=False)
        matcher = LLMatcher(self._tokenizer, grammar, log_level=0, limits=limits)
        if matcher.is_error():
            raise AppError(ErrorCode.REQUEST_INVALID, reason=_reason(matcher.get_error()))
        return Constraint(matcher, self._tokenizer.eos_tokens)

    @cached_property
    def _tokenizer(self) -> LLTokenizer:
        vocabulary = self.vocabulary
        eog_tokens = [token for token in range(vocabulary.size) if vocabulary.is_eog(token)]
        if not eog_tokens:
            reason = tr("this model has no end-of-reply token, so it could not end a JSON text")
            raise AppError(ErrorCode.REQUEST_INVALID, reason=reason)
        tokens = _Tokens(vocabulary, eog_tokens[0])
        tokenizer = LLTokenizer(TokenizerWrapper(tokens), eos_token=eog_tokens)
        tokens.greedy = tokenizer.greedy_tokenize
        return tokenizer


class _Tokens:
    """A vocabulary with the interface that llguidance expects, including its names."""

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
        tokens = self._vocabulary.tokenize_fragment(text)
        if self.greedy and self._vocabulary.detokenize(tokens) != text.encode():
            # For example, a vocabulary without a token for a space.
            return self.greedy(text)
        return tokens


def _reason(fault: str) -> str:
    for pattern, describe in _FAULTS:
        if found := pattern.search(fault):
            return describe(found)
    _, _, detail = fault.strip().rpartition("failed to compile JSON schema: ")
    return tr("the JSON schema can't be used ({fault})", fault=detail.partition("\n")[0])
