"""Effects of errors on the loss, by the formula written out."""

from __future__ import annotations

import pytest
import torch

from app.sensitivity.effects import CombinedSample, GradientSample, LookupSample

RANDOM = torch.Generator().manual_seed(0)
INPUTS, GRADIENTS = torch.randn(50, 8, generator=RANDOM), torch.randn(50, 12, generator=RANDOM)
ERROR = torch.randn(12, 8, generator=RANDOM) * 0.1


def test_the_divergence_is_half_the_mean_square_of_gradient_times_error_times_input() -> None:
    expected = (
        torch.stack([(g @ ERROR @ x) ** 2 for x, g in zip(INPUTS, GRADIENTS, strict=True)]).mean()
        / 2
    )
    total = GradientSample(INPUTS, GRADIENTS, len(INPUTS)).new_sum()
    for rows in (slice(0, 5), slice(5, 12)):
        total.add(ERROR[rows], rows)
    assert total.divergence() == pytest.approx(float(expected), rel=1e-5)


def test_lookups_count_only_the_rows_that_are_looked_up() -> None:
    looked_up = torch.tensor([3, 3, 11, 0])
    gradients = torch.randn(4, 8, generator=RANDOM)
    expected = (
        torch.stack(
            [(gradients[place] @ ERROR[row]) ** 2 for place, row in enumerate(looked_up)]
        ).mean()
        / 2
    )
    total = LookupSample(looked_up, gradients).new_sum()
    for rows in (slice(0, 4), slice(4, 8), slice(8, 12)):
        total.add(ERROR[rows], rows)
    assert total.divergence() == pytest.approx(float(expected), rel=1e-5)


def test_two_uses_of_one_matrix_add_up() -> None:
    sample = GradientSample(INPUTS, GRADIENTS, len(INPUTS))
    alone, twice = sample.new_sum(), CombinedSample([sample, sample]).new_sum()
    for total in (alone, twice):
        total.add(ERROR, slice(0, 12))
    assert twice.divergence() == pytest.approx(2 * alone.divergence())


def test_an_expert_that_sees_a_few_tokens_does_less_harm() -> None:
    total = GradientSample(INPUTS, GRADIENTS, 4 * len(INPUTS)).new_sum()
    every = GradientSample(INPUTS, GRADIENTS, len(INPUTS)).new_sum()
    for one in (total, every):
        one.add(ERROR, slice(0, 12))
    assert every.divergence() == pytest.approx(4 * total.divergence())


def test_no_tokens_do_no_harm() -> None:
    total = GradientSample(INPUTS[:0], GRADIENTS[:0], 50).new_sum()
    total.add(ERROR, slice(0, 12))
    assert total.divergence() == 0


def test_rows_of_long_weights_and_gradients_are_the_weightiest() -> None:
    gradients, weights = torch.ones(5, 6), torch.ones(6, 4)
    gradients[:, 4] = 3
    weights[1] = 2
    weights[4] = 0.5
    sample = GradientSample(torch.ones(5, 4), gradients, 5)
    assert sample.weightiest_rows(weights, 2).tolist() == [1, 4]
    assert sample.weightiest_rows(weights, 9).tolist() == list(range(6))
