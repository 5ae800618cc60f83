"""Patterns for the types of tensors that match no tensor of the model, and so change nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable

from app.conversion.layout.layout import Layout
from app.conversion.type_choices import TypeChoices
from app.core.errors import AppError, ErrorCode, NoticeCode
from app.core.events import NoticeReported
from app.core.language import tr

_NAMED_PATTERNS = 3


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
