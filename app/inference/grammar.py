"""Grammars that replies must follow: bounded, and made from JSON schemas by llama.cpp's rules."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from app.core.errors import AppError, ErrorCode
from app.inference.sampling import LARGEST_GRAMMAR_BYTES

_DEEPEST = 100
_MOST_REPETITIONS = 1000
_OPENING, _CLOSING = "([{", ")]}"
_STRING_OR_CLASS = re.compile(r'"(?:\\.|[^"\\])*"|\[(?:\\.|[^\]\\])*\]|#[^\n]*')
_REPETITION = re.compile(r"\{\s*(\d+)?\s*,?\s*(\d+)?\s*\}")
_NAME = re.compile(_STRING_OR_CLASS.pattern + r"|([a-zA-Z][a-zA-Z0-9-]*)")
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


def renamed(grammar: str, prefix: str) -> str:
    """A grammar with `prefix` before the names of its rules, to go with others into one."""

    def change(found: re.Match[str]) -> str:
        return found[0] if found[1] is None else prefix + found[0]

    return _NAME.sub(change, grammar)


def literal(text: str) -> str:
    """A text as grammars have it."""
    for character, escape in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\r", "\\r")):
        text = text.replace(character, escape)
    return f'"{text}"'


def rules_up_to(mark: str, name: str) -> Iterator[str]:
    """Rules for any text up to the first `mark`, and the mark; the first one is called `name`.

    They are the automaton of Knuth, Morris and Pratt: rule n holds when the first n characters of
    the mark have been met.
    """
    for met in range(len(mark)):
        after = {letter: _met_after(mark, mark[:met] + letter) for letter in sorted(set(mark))}
        after = {letter: count for letter, count in after.items() if count}
        ways = [
            literal(letter) if count == len(mark) else f"{literal(letter)} {_rule(name, count)}"
            for letter, count in after.items()
        ]
        others = "".join(f"\\U{ord(letter):08X}" for letter in after)
        yield f"{_rule(name, met)} ::= {' | '.join(ways)} | [^{others}] {name}"


def _rule(name: str, met: int) -> str:
    return f"{name}-{met}" if met else name


def _met_after(mark: str, text: str) -> int:
    """How many characters at the end of a text are the first ones of the mark."""
    return max(n for n in range(len(mark) + 1) if text.endswith(mark[:n]))


def _depth(text: str) -> int:
    deepest = depth = 0
    for character in text:
        if character in _OPENING:
            depth += 1
            deepest = max(deepest, depth)
        elif character in _CLOSING:
            depth -= 1
    return deepest
