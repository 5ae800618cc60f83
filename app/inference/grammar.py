"""Grammars that replies must follow: bounded, and made from JSON schemas by llama.cpp's rules."""

from __future__ import annotations

import json
import re
from typing import Any

from app.core.errors import AppError, ErrorCode
from app.inference.sampling import LARGEST_GRAMMAR_BYTES

_DEEPEST = 100
_MOST_REPETITIONS = 1000
_OPENING, _CLOSING = "([{", ")]}"
_STRING_OR_CLASS = re.compile(r'"(?:\\.|[^"\\])*"|\[(?:\\.|[^\]\\])*\]|#[^\n]*')
_REPETITION = re.compile(r"\{\s*(\d+)?\s*,?\s*(\d+)?\s*\}")
ANY_OBJECT: dict[str, Any] = {"type": "object"}


def grammar_of_schema(schema: dict[str, Any]) -> str:
    """The grammar of the JSON documents that a schema allows.

    Raises:
        AppError: `request_invalid`, for a schema that is too large, too deep or not understood.
    """
    from llama_cpp.llama_grammar import json_schema_to_gbnf

    text = json.dumps(schema)
    if len(text) > LARGEST_GRAMMAR_BYTES or _depth(text) > _DEEPEST:
        raise AppError(ErrorCode.REQUEST_INVALID, reason="the JSON schema is too large")
    try:
        grammar: str = json_schema_to_gbnf(text)
    except Exception as error:
        # It meets what it does not know with errors of many kinds.
        reason = f"the JSON schema can't be used ({type(error).__name__}: {error})"
        raise AppError(ErrorCode.REQUEST_INVALID, reason=reason) from error
    require_bounded_grammar(grammar)
    return grammar


def require_bounded_grammar(grammar: str) -> None:
    """Check that llama.cpp can take a grammar without overflowing its stack or its memory.

    Raises:
        AppError: `request_invalid`.
    """
    bare = _STRING_OR_CLASS.sub("", grammar)
    repetitions = [int(n) for pair in _REPETITION.findall(bare) for n in pair if n]
    if (
        len(grammar) > LARGEST_GRAMMAR_BYTES
        or _depth(bare) > _DEEPEST
        or max(repetitions, default=0) > _MOST_REPETITIONS
    ):
        raise AppError(ErrorCode.REQUEST_INVALID, reason="the grammar is too large")


def _depth(text: str) -> int:
    deepest = depth = 0
    for character in text:
        if character in _OPENING:
            depth += 1
            deepest = max(deepest, depth)
        elif character in _CLOSING:
            depth -= 1
    return deepest
