"""Normalize limits in JSON schemas, and refuse those that llguidance does not enforce."""

from __future__ import annotations

import functools
import json
from typing import Any

from llguidance import LLMatcher, LLTokenizer

from app.core.errors import AppError, ErrorCode
from app.core.language import tr

_EXCLUSIVE = ("exclusiveMinimum", "exclusiveMaximum")
_OF_NUMBERS = ("minimum", "maximum", *_EXCLUSIVE)
_COUNTS = ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties")


def normalize_limits(node: dict[str, Any]) -> None:
    """Convert counts such as 3.0 to integers; refuse limits that would not be enforced.

    llguidance accepts the excluded number itself if it is whole and the other limit is close (0 for
    numbers above 0 and below 0.01), so each is tried out.

    Raises:
        AppError: `request_invalid`.
    """
    for count in _COUNTS:
        if isinstance(value := node.get(count), float) and value.is_integer():
            node[count] = int(value)
    limits = {name: node[name] for name in _OF_NUMBERS if _is_number(node.get(name))}
    for name in _EXCLUSIVE:
        if name in limits and _is_let_pass(limits[name], limits):
            reason = tr(
                "“{name}” is not supported in a JSON schema with another limit so close to it",
                name=name,
            )
            raise AppError(ErrorCode.REQUEST_INVALID, reason=reason)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_let_pass(excluded: float, limits: dict[str, float]) -> bool:
    grammar = LLMatcher.grammar_from_json_schema(json.dumps({"type": "number", **limits}))
    matcher = LLMatcher(_bytes(), grammar, log_level=0)
    texts = [f"{excluded:g}"] if excluded else ["0", "-0"]
    # Limits that nothing can satisfy are refused later, with the whole schema.
    return not matcher.is_error() and any(_accepts(matcher.deep_copy(), text) for text in texts)


def _accepts(matcher: LLMatcher, text: str) -> bool:
    taken: int = matcher.try_consume_tokens(_bytes().tokenize_str(text))
    return taken == len(text) and bool(matcher.is_accepting())


@functools.cache
def _bytes() -> LLTokenizer:
    """Return a tokenizer whose tokens are single bytes."""
    return LLTokenizer("byte")
