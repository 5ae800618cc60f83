"""Patterns for the types of tensors that change nothing: of no tensor, or at no quantized level."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from app.conversion.layout.layout import Layout
from app.conversion.type_choices import TypeChoices
from app.core.errors import AppError, ErrorCode, NoticeCode
from app.core.events import NoticeReported
from app.core.language import tr
from app.core.levels import COPY, DEFAULT_LEVEL, Level
from app.gguf_file.tensor_types import FLOATING_TYPES, TENSOR_TYPES

_NAMED_PATTERNS = 3
_UNQUANTIZED = {COPY.name, *(TENSOR_TYPES[number].name for number in FLOATING_TYPES)}


def find_unmatched(layout: Layout, choices: TypeChoices) -> tuple[NoticeReported, ...]:
    """Return a notice that names the patterns matching no tensor; empty if each matches one.

    Raises:
        AppError: `types_misfit`, when none of those from a file does.
    """
    names = [tensor.name for tensor in layout.tensors]
    unmatched = _unmatched((pattern for pattern, _ in choices.overrides), names)
    from_file = {pattern for pattern, _ in choices.recipe}
    if from_file and from_file <= set(unmatched):
        raise AppError(ErrorCode.TYPES_MISFIT, file=choices.recipe_file, count=len(from_file))
    if not unmatched:
        return ()
    return (NoticeReported(NoticeCode.PATTERNS_UNMATCHED, {"patterns": _in_words(unmatched)}),)


def find_unused(levels: Sequence[Level], choices: TypeChoices) -> tuple[NoticeReported, ...]:
    """Return a notice that names the levels at which patterns change nothing, if there are any."""
    unquantized = ", ".join(level.name for level in levels if level.name in _UNQUANTIZED)
    if not choices.overrides or not unquantized:
        return ()
    return (
        NoticeReported(NoticeCode.PATTERNS_UNUSED, {"levels": unquantized, "level": DEFAULT_LEVEL}),
    )


def _unmatched(patterns: Iterable[str], names: list[str]) -> list[str]:
    return [
        pattern
        for pattern in dict.fromkeys(patterns)
        if not any(map(re.compile(pattern).search, names))
    ]


def _in_words(patterns: list[str]) -> str:
    named = ", ".join(patterns[:_NAMED_PATTERNS])
    more = len(patterns) - _NAMED_PATTERNS
    return tr("{patterns} and {count} more", patterns=named, count=more) if more > 0 else named
