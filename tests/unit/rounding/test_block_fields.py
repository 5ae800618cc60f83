"""The fields of ggml's blocks: what ggml dequantizes, and the same bytes again."""

from __future__ import annotations

import numpy as np
import pytest

from app.gguf_file.tensor_types import TENSOR_TYPES
from app.native.quantization import dequantize_rows, quantize_rows
from app.rounding.block_fields import BLOCK_FIELDS
from app.rounding.grid import Grid

ROWS, WIDTH = 24, 512


def random_rows(seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    rows = random.standard_normal((ROWS, WIDTH), np.float32) * 0.05
    rows[0] = 0
    rows[1] = np.abs(rows[1])
    rows[2, ::7] *= 40
    return rows


@pytest.mark.parametrize("type_number", BLOCK_FIELDS, ids=lambda number: TENSOR_TYPES[number].name)
def test_fields_have_the_values_that_ggml_reads_and_pack_to_the_same_bytes(
    type_number: int,
) -> None:
    for seed in range(3):
        quantized = quantize_rows(type_number, random_rows(seed))
        grid = Grid.from_bytes(type_number, quantized)
        assert np.array_equal(grid.values().numpy(), dequantize_rows(type_number, quantized))
        assert np.array_equal(grid.to_bytes(), quantized)


@pytest.mark.parametrize("type_number", BLOCK_FIELDS, ids=lambda number: TENSOR_TYPES[number].name)
def test_random_bytes_survive_unpacking(type_number: int) -> None:
    kind = TENSOR_TYPES[type_number]
    blocks = np.random.default_rng(1).integers(0, 256, (50, kind.block_bytes), np.uint8)
    layout = BLOCK_FIELDS[type_number]
    fields = layout.unpack(blocks)
    # Halves that are no numbers have many spellings.
    usable = np.isfinite(fields.d[:, 0]) & np.isfinite(fields.dmin[:, 0])
    assert usable.sum() > 20
    assert np.array_equal(layout.pack(fields)[usable], blocks[usable])


@pytest.mark.parametrize("type_number", BLOCK_FIELDS, ids=lambda number: TENSOR_TYPES[number].name)
def test_the_nearest_code_is_nearest(type_number: int) -> None:
    grid = Grid.from_bytes(type_number, quantize_rows(type_number, random_rows(5)))
    scale, minimum = grid.step(3)
    import torch

    wanted = torch.linspace(-0.2, 0.2, ROWS)
    codes = grid.nearest(wanted, scale, minimum)
    every = torch.arange(grid.layout.levels)[:, None].float().expand(-1, ROWS)
    values = scale * grid.levels(every) - minimum
    best = (values - wanted).abs().amin(0)
    found = (scale * grid.levels(codes) - minimum - wanted).abs()
    assert torch.allclose(found, best, atol=1e-6)
