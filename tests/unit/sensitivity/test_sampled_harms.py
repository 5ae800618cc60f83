"""Harms that some rows of a matrix stand for, against those of all rows."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from app.gguf_file.tensor_types import TYPE_NUMBERS
from app.sensitivity.effects import GradientSample
from app.sensitivity.graded_matrices import GradedMatrix
from app.sensitivity.harms import harms_of
from app.sensitivity.requests import SLOWLY_SAMPLED_ROWS, Place
from app.sensitivity.sampled_harms import sampled_harms

FAST = tuple(TYPE_NUMBERS[name] for name in ("q2_K", "q3_K", "q4_K"))
SLOW = tuple(TYPE_NUMBERS[name] for name in ("iq2_s", "iq3_s"))
ROWS, COLUMNS, TOKENS = 6 * SLOWLY_SAMPLED_ROWS, 256, 200


def graded(seed: int, tokens: int = TOKENS) -> GradedMatrix:
    """Return a matrix whose rows matter as differently as those of a trained one."""
    random = torch.Generator().manual_seed(seed)
    inputs = torch.randn(tokens, COLUMNS, generator=random)
    lengths = torch.randn(ROWS, generator=random).mul(1.5).exp()
    gradients = torch.randn(tokens, ROWS, generator=random) * lengths
    weights = torch.randn(ROWS, COLUMNS, generator=random)
    sample = GradientSample(inputs, gradients, TOKENS)
    return GradedMatrix(Place("blk.0.ffn_up.weight"), weights, None, sample)


@pytest.mark.parametrize("seed", range(3))
def test_the_rows_that_matter_most_tell_the_harm_of_slow_types(seed: int) -> None:
    matrix = graded(seed)
    columns = torch.ones(COLUMNS).numpy()
    with ThreadPoolExecutor(1) as pool:
        found = sampled_harms(matrix, columns, (*SLOW, *FAST), pool)
        exact = harms_of(matrix.weights, columns, matrix.sample, SLOW, pool)
    for number in SLOW:
        assert found[number] == pytest.approx(exact[number], rel=0.15)
    assert found[FAST[0]] > found[SLOW[0]] > found[FAST[1]] > found[SLOW[1]] > found[FAST[2]]


def test_slow_types_change_no_harm_of_others() -> None:
    matrix = graded(0)
    with ThreadPoolExecutor(1) as pool:
        alone, beside = (
            sampled_harms(matrix, None, types, pool) for types in (FAST, (SLOW[1], *FAST))
        )
    assert {number: beside[number] for number in FAST} == alone


def test_a_matrix_that_no_sampled_token_saw_does_no_harm() -> None:
    with ThreadPoolExecutor(1) as pool:
        found = sampled_harms(graded(0, tokens=0), None, (SLOW[1], *FAST), pool)
    assert set(found.values()) == {0.0}
    assert len(found) == 1 + len(FAST)
