"""Corrected rounding: a lower loss on held-out inputs, or ggml's own bytes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor

import numpy as np
import pytest
import torch

from app.gguf_file.tensor_types import TENSOR_TYPES, TYPE_NUMBERS
from app.native.quantization import dequantize_rows, quantize_rows
from app.rounding.block_fields import BLOCK_FIELDS
from app.rounding.coordinate_descent import descend
from app.rounding.corrected_matrix import Corrector, WeighedInputs, correct
from app.rounding.error_feedback import inverse_factor, round_with_feedback
from app.rounding.grid import Grid

WIDTH, ROWS = 512, 96


@pytest.fixture
def pool() -> Iterator[Executor]:
    with ThreadPoolExecutor(2, initializer=torch.set_num_threads, initargs=(1,)) as made:
        yield made


@pytest.fixture(scope="module")
def mixing() -> torch.Tensor:
    return torch.randn(WIDTH, WIDTH, generator=torch.Generator().manual_seed(3)) / WIDTH**0.5


def inputs(count: int, seed: int, mixing: torch.Tensor) -> torch.Tensor:
    random = torch.Generator().manual_seed(seed)
    return torch.randn(count, WIDTH, generator=random) @ mixing


def weights() -> torch.Tensor:
    return torch.randn(ROWS, WIDTH, generator=torch.Generator().manual_seed(4)) * 0.05


def second_moments(given: torch.Tensor) -> torch.Tensor:
    return given.T @ given / len(given)


@pytest.mark.parametrize("type_number", BLOCK_FIELDS, ids=lambda number: TENSOR_TYPES[number].name)
def test_correlated_inputs_lose_much_less(
    type_number: int, mixing: torch.Tensor, pool: Executor
) -> None:
    moments = second_moments(inputs(4096, 0, mixing))
    held_out = WeighedInputs(inputs(1024, 1, mixing))
    found = correct(weights(), Corrector(moments.clone()), held_out, type_number, pool)
    assert found.is_corrected
    assert found.loss < 0.75 * found.plain_loss
    error = weights() - torch.from_numpy(dequantize_rows(type_number, found.rows))
    assert held_out.loss(error) == pytest.approx(found.loss, rel=1e-4)


def test_moments_that_mislead_are_overruled(mixing: torch.Tensor, pool: Executor) -> None:
    """Few inputs of another kind: the correction fits them, and held-out inputs refuse it."""
    type_number = TYPE_NUMBERS["q4_K"]
    moments = second_moments(inputs(20, 5, mixing.T.contiguous() * 3))
    held_out = WeighedInputs(torch.randn(1024, WIDTH, generator=torch.Generator().manual_seed(6)))
    found = correct(weights(), Corrector(moments.clone()), held_out, type_number, pool)
    assert not found.is_corrected
    importance = moments.diagonal().numpy()
    assert np.array_equal(found.rows, quantize_rows(type_number, weights().numpy(), importance))


def test_the_number_of_threads_changes_nothing(mixing: torch.Tensor) -> None:
    moments = second_moments(inputs(1024, 0, mixing))
    held_out = WeighedInputs(inputs(256, 1, mixing))
    many = weights().repeat(24, 1)
    rows = []
    for threads in (1, 3):
        with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as own:
            rows.append(
                correct(many, Corrector(moments.clone()), held_out, TYPE_NUMBERS["q3_K"], own).rows
            )
    assert np.array_equal(rows[0], rows[1])


def test_inputs_without_any_variance_are_rounded_all_the_same(pool: Executor) -> None:
    held_out = WeighedInputs(torch.zeros(8, WIDTH))
    found = correct(
        weights(), Corrector(torch.zeros(WIDTH, WIDTH)), held_out, TYPE_NUMBERS["q4_0"], pool
    )
    assert found.rows.shape == (ROWS, 18 * WIDTH // 32)


@pytest.mark.parametrize("name", ["q2_K", "q5_1", "iq4_xs", "q6_K"])
def test_sweeps_never_raise_the_loss(name: str, mixing: torch.Tensor) -> None:
    type_number = TYPE_NUMBERS[name]
    moments = second_moments(inputs(2048, 0, mixing))
    moments.diagonal().add_(0.1 * moments.diagonal().mean())

    def loss(grid: Grid) -> float:
        error = weights() - grid.values()
        return float(((error @ moments) * error).sum())

    grid = round_with_feedback(weights(), inverse_factor(moments), type_number)
    losses = [loss(grid)]
    for _ in range(3):
        descend(weights(), moments, grid, 1)
        losses.append(loss(grid))
    # Halves round the scales.
    assert all(after <= 1.001 * before for before, after in itertools.pairwise(losses))
    assert losses[-1] < losses[0]
    packed = Grid.from_bytes(type_number, grid.to_bytes())
    assert torch.equal(packed.values(), grid.values())
