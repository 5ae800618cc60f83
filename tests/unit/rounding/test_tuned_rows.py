"""Rows with tuned scales: their values, the gradients of them, and their bytes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from app.gguf_file.tensor_types import TYPE_NUMBERS
from app.native.quantization import dequantize_rows, quantize_rows
from app.rounding.block_fields import BLOCK_FIELDS
from app.rounding.tuned_rows import TunedRows

ROWS, COLUMNS = 6, 512
TYPES = sorted(BLOCK_FIELDS)


def made(type_number: int) -> TunedRows:
    weights = np.random.default_rng(1).normal(0.1, 1, (ROWS, COLUMNS)).astype(np.float32)
    return TunedRows(type_number, quantize_rows(type_number, weights))


@pytest.mark.parametrize("type_number", TYPES)
def test_rows_that_were_not_changed_keep_their_bytes_and_values(type_number: int) -> None:
    weights = np.random.default_rng(2).normal(0.1, 1, (ROWS, COLUMNS)).astype(np.float32)
    rows = quantize_rows(type_number, weights)
    tuned = TunedRows(type_number, rows)
    assert np.array_equal(tuned.to_bytes(), rows)
    expected = dequantize_rows(type_number, rows)
    assert np.allclose(tuned.values().numpy(), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("type_number", TYPES)
def test_gradients_are_those_of_differences(type_number: int) -> None:
    tuned = made(type_number)
    generator = torch.Generator().manual_seed(3)
    tuned.changes += 0.05 * torch.randn(tuned.changes.shape, generator=generator)
    by_values = torch.randn(ROWS, COLUMNS, generator=generator)
    found = tuned.gradients(tuned.values(), by_values)
    direction = torch.randn(tuned.changes.shape, generator=generator)
    step = 1e-3
    losses = []
    for sign in (1, -1):
        tuned.changes += sign * step * direction
        losses.append(float((tuned.values().double() * by_values).sum()))
        tuned.changes -= sign * step * direction
    expected = (losses[0] - losses[1]) / (2 * step)
    assert float((found * direction).sum()) == pytest.approx(expected, rel=5e-3, abs=1e-2)


def test_changed_scales_are_in_the_bytes() -> None:
    tuned = made(TYPE_NUMBERS["q4_K"])
    tuned.changes[0] = 0.25
    tuned.changes[1] = -0.25
    values = torch.from_numpy(dequantize_rows(TYPE_NUMBERS["q4_K"], tuned.to_bytes()))
    assert torch.allclose(values, tuned.values(), rtol=2e-3, atol=2e-3)
