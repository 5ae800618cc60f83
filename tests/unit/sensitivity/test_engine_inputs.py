"""Inputs of products rounded to 8 bits, compared with ggml's own rounding."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from app.gguf_file.tensor_types import TYPE_NUMBERS
from app.native.quantization import dequantize_rows, quantize_rows
from app.sensitivity.engine_inputs import EngineInputs, rounded_inputs

RANDOM = torch.Generator().manual_seed(0)
INPUTS = torch.randn(2, 5, 512, generator=RANDOM) * 10 ** torch.randn(1, 5, 1, generator=RANDOM)
WEIGHTS = torch.randn(64, 512, generator=RANDOM)


def test_short_blocks_are_rounded_as_ggml_rounds_them() -> None:
    kind = TYPE_NUMBERS["q8_0"]
    rows = np.ascontiguousarray(INPUTS.reshape(-1, 512).numpy())
    expected = torch.from_numpy(dequantize_rows(kind, quantize_rows(kind, rows)))
    found = rounded_inputs(INPUTS, 32).reshape(-1, 512)
    # ggml multiplies by the inverse of a scale; a tie may go the other way.
    steps = np.abs(rows.reshape(-1, 32)).max(1).repeat(32).reshape(-1, 512) / 127
    assert ((found - expected).abs() <= 1.01 * torch.from_numpy(steps)).all()
    assert (found == expected).float().mean() > 0.999


@pytest.mark.parametrize("block", [32, 256])
def test_the_error_is_at_most_half_a_step(block: int) -> None:
    blocks = INPUTS.reshape(-1, block)
    error = (rounded_inputs(INPUTS, block).reshape(-1, block) - blocks).abs()
    step = blocks.abs().amax(1, keepdim=True) / 127
    # A scale in half precision is off by up to 1/2048 of it, 127 times at most.
    assert (error <= 0.57 * step + 1e-7).all()


def test_zeros_stay_zeros() -> None:
    assert not rounded_inputs(torch.zeros(3, 256), 256).any()


def test_only_products_with_watched_matrices_have_rounded_inputs() -> None:
    other = WEIGHTS.clone()
    with EngineInputs({WEIGHTS.data_ptr(): 32}):
        rounded, exact = functional.linear(INPUTS, WEIGHTS), functional.linear(INPUTS, other)
        turned = INPUTS @ WEIGHTS.T
    assert torch.equal(exact, functional.linear(INPUTS, WEIGHTS))
    assert torch.equal(rounded, functional.linear(rounded_inputs(INPUTS, 32), WEIGHTS))
    assert not torch.equal(rounded, exact)
    assert torch.allclose(turned, rounded)
