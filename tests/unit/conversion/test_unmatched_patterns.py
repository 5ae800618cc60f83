"""Patterns that match no tensor are named, and a file of them for another model is refused."""

from __future__ import annotations

import numpy as np
import pytest

from app.conversion.layout.layout import FLOAT32, LaidOutTensor, Layout
from app.conversion.type_choices import TypeChoices
from app.conversion.unmatched_patterns import find_unmatched, find_unused
from app.core.errors import AppError, ErrorCode, NoticeCode
from app.core.levels import COPY, LEVELS
from app.core.sentences import describe_error, describe_notice

_NAMES = ("token_embd.weight", "blk.0.attn_q.weight", "blk.11.ffn_down.weight")
_LAYOUT = Layout(
    "llama",
    {},
    tuple(
        LaidOutTensor(name, (4, 32), FLOAT32, 512, lambda: np.zeros((4, 32), np.float32))
        for name in _NAMES
    ),
)


def _choices(*patterns: str, recipe: tuple[str, ...] = ()) -> TypeChoices:
    listed = tuple((pattern, "q6_k") for pattern in recipe)
    typed = tuple((pattern, "q4_0") for pattern in patterns)
    return TypeChoices(overrides=(*typed, *listed), recipe=listed, recipe_file="a")


def test_nothing_is_said_of_patterns_that_match() -> None:
    matching = (r"blk\.\d+\.ffn_down", "attn_", "^token_embd")
    assert find_unmatched(_LAYOUT, _choices(*matching, recipe=("weight$",))) == ()
    assert find_unmatched(_LAYOUT, _choices()) == ()


@pytest.mark.parametrize(
    ("patterns", "named"),
    [
        (("attn_v", "attn_q"), "attn_v"),
        ((r"blk\.1\.", "attn_v", "attn_v"), r"blk\.1\., attn_v"),
        (("a1", "a2", "a3"), "a1, a2, a3"),
        (("a1", "a2", "a3", "a4", "a5"), "a1, a2, a3 and 2 more"),
    ],
)
def test_patterns_that_match_nothing_are_named_or_counted(
    patterns: tuple[str, ...], named: str
) -> None:
    (notice,) = find_unmatched(_LAYOUT, _choices(*patterns, recipe=("attn_q",)))
    assert notice.code is NoticeCode.PATTERNS_UNMATCHED
    assert describe_notice(notice.code, notice.details).endswith(f"change nothing: {named}.")


def test_patterns_of_a_file_are_named_where_others_of_it_match() -> None:
    (notice,) = find_unmatched(_LAYOUT, _choices(recipe=("attn_q", "attn_v")))
    assert notice.details == {"patterns": "attn_v"}


def test_a_file_of_which_nothing_matches_is_for_another_model() -> None:
    with pytest.raises(AppError) as caught:
        find_unmatched(_LAYOUT, _choices("attn_q", recipe=("attn_v", "ffn_up")))
    error = caught.value
    assert error.code is ErrorCode.TYPES_MISFIT
    assert describe_error(error.code, error.details).startswith(
        "a has types for another model: none of its 2 patterns matches a tensor."
    )


def test_patterns_are_of_no_use_at_levels_that_are_not_quantized() -> None:
    levels = (*LEVELS, COPY)
    (notice,) = find_unused(levels, _choices("attn_q"))
    assert describe_notice(notice.code, notice.details) == (
        "Patterns choose types at quantized levels only, so they change nothing at F16, BF16, F32, "
        "COPY. Choose a quantized level, such as Q4_K_M."
    )
    assert find_unused(levels, _choices()) == ()
    assert find_unused(LEVELS[:3], _choices("attn_q")) == ()
