"""Limits in JSON schemas as llguidance understands them, and those that it does not keep."""

from __future__ import annotations

import functools
import json
from typing import Any

from llguidance import LLMatcher, LLTokenizer

from app.core.errors import AppError, ErrorCode

_EXCLUSIVE = ("exclusiveMinimum", "exclusiveMaximum")
_OF_NUMBERS = ("minimum", "maximum", *_EXCLUSIVE)
_COUNTS = ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties")


def normalize_limits(node: dict[str, Any]) -> None:
    """Write counts such as 3.0 as the integers that they are; refuse what would not be kept.

    llguidance lets the excluded number itself pass where it is whole and the other limit is near
    (0 for numbers above 0 and below 0.01), so that each is tried.

    Raises:
        AppError: `request_invalid`.
    """
    for count in _COUNTS:
        if isinstance(value := node.get(count), float) and value.is_integer():
            node[count] = int(value)
    limits = {name: node[name] for name in _OF_NUMBERS if _is_number(node.get(name))}
    for name in _EXCLUSIVE:
        if name in limits and _is_let_pass(limits[name], limits):
            reason = f"“{name}” is not supported in a JSON schema with another limit so near to it"
            raise AppError(ErrorCode.REQUEST_INVALID, reason=reason)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_let_pass(excluded: float, limits: dict[str, float]) -> bool:
    grammar = LLMatcher.grammar_from_json_schema(json.dumps({"type": "number", **limits}))
    matcher = LLMatcher(_bytes(), grammar, log_level=0)
    texts = [f"{excluded:g}"] if excluded else ["0", "-0"]
    # Limits that nothing can follow are refused as a whole, with that reason.
    return not matcher.is_error() and any(_accepts(matcher.deep_copy(), text) for text in texts)


def _accepts(matcher: LLMatcher, text: str) -> bool:
    taken: int = matcher.try_consume_tokens(_bytes().tokenize_str(text))
    return taken == len(text) and bool(matcher.is_accepting())


@functools.cache
def _bytes() -> LLTokenizer:
    """A vocabulary of single bytes."""
    return LLTokenizer("byte")
