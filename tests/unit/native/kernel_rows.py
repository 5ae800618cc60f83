"""Rows and importance that reach every branch of the quantization kernels."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Row = npt.NDArray[np.float32]
Kind = Callable[[np.random.Generator, int], npt.NDArray[np.float64]]


def _outliers(rng: np.random.Generator, width: int) -> npt.NDArray[np.float64]:
    row = rng.standard_normal(width) * 0.01
    row[rng.integers(0, width, 4)] = rng.choice([-40.0, 40.0], 4)
    return row


def _one_value(rng: np.random.Generator, width: int) -> npt.NDArray[np.float64]:
    row = np.zeros(width)
    row[rng.integers(0, width)] = rng.standard_normal()
    return row


def _one_in_each_block(
    rng: np.random.Generator, row: npt.NDArray[np.float64], low: float, high: float
) -> npt.NDArray[np.float64]:
    blocks = row.size // 32
    row[np.arange(0, row.size, 32) + rng.integers(0, 32, blocks)] = rng.uniform(low, high, blocks)
    return row


def _one_above_a_grid(rng: np.random.Generator, width: int) -> npt.NDArray[np.float64]:
    grid = rng.integers(0, 16, width) * 0.1 - 0.8
    return _one_in_each_block(rng, grid, 0.73, 0.79)


def _zero_stretches(rng: np.random.Generator, width: int) -> npt.NDArray[np.float64]:
    row = rng.standard_normal(width)
    return row * np.repeat(rng.integers(0, 2, width // 16), 16)


def _uneven_blocks(rng: np.random.Generator, width: int) -> npt.NDArray[np.float64]:
    return rng.standard_normal(width) * np.repeat(10.0 ** rng.uniform(-9, 3, width // 16), 16)


def _bfloat(rng: np.random.Generator, width: int) -> npt.NDArray[np.float64]:
    bits = (rng.standard_normal(width) * 0.02).astype(np.float32).view(np.uint32)
    return (bits & np.uint32(0xFFFF0000)).view(np.float32).astype(np.float64)


KINDS: dict[str, Kind] = {
    "normal": lambda rng, width: rng.standard_normal(width) * 0.02,
    "uniform": lambda rng, width: rng.uniform(-1, 1, width),
    "heavy tails": lambda rng, width: rng.standard_t(2, width),
    "bfloat16": _bfloat,
    "zero": lambda _, width: np.zeros(width),
    "negative zero": lambda _, width: np.full(width, -0.0),
    "constant": lambda _, width: np.full(width, 0.37),
    "negative constant": lambda _, width: np.full(width, -0.37),
    "all positive": lambda rng, width: np.abs(rng.standard_normal(width)) + 1e-3,
    "all negative": lambda rng, width: -np.abs(rng.standard_normal(width)) - 1e-3,
    "far above zero": lambda rng, width: 5 + rng.standard_normal(width) * 1e-3,
    "far below zero": lambda rng, width: -5 + rng.standard_normal(width) * 1e-3,
    "next to constant": lambda rng, width: -1 - rng.integers(0, 2, width) * 2.0**-23,
    "alternating": lambda rng, width: np.resize([1.0, -1.0], width) * rng.uniform(0.5, 1, width),
    "two values": lambda _, width: np.resize([1.0, -1.0], width),
    "ramp": lambda _, width: np.linspace(-1, 1, width),
    "ties": lambda rng, width: rng.integers(-31, 32, width) / 2,
    "quarter ties": lambda rng, width: rng.integers(-31, 32, width) / 64,
    "four bit grid": lambda rng, width: rng.integers(-8, 8, width) * 0.013,
    "outliers": _outliers,
    "one value": _one_value,
    "one outlier in each block": lambda rng, width: _one_in_each_block(
        rng, rng.standard_normal(width) * 0.02, -9, 9
    ),
    "one value below zeros": lambda rng, width: _one_in_each_block(
        rng, np.full(width, -0.0), -1, -0.1
    ),
    "one above a grid": _one_above_a_grid,
    "extremes of either sign": lambda rng, width: _one_in_each_block(
        rng, _one_in_each_block(rng, rng.uniform(-1, 1, width), 1, 1), -1, -0.96
    ),
    "zero stretches": _zero_stretches,
    "uneven blocks": _uneven_blocks,
    "uneven huge blocks": lambda rng, width: _uneven_blocks(rng, width) * 1e8,
    "tiny": lambda rng, width: rng.standard_normal(width) * 1e-12,
    "below the group limit": lambda rng, width: rng.standard_normal(width) * 1e-17,
    "squares underflow": lambda rng, width: rng.standard_normal(width) * 1e-25,
    "denormal": lambda rng, width: rng.standard_normal(width) * 1e-41,
    "huge": lambda rng, width: rng.standard_normal(width) * 1e30,
    "range overflows": lambda rng, width: rng.choice([-3e38, 3e38, 0.0], width),
    "half overflows": lambda rng, width: rng.standard_normal(width) * 3e6,
}

IMPORTANCE: dict[str, Kind] = {
    "cubes": lambda rng, width: rng.random(width) ** 3,
    "ones": lambda _, width: np.ones(width),
    "zero": lambda _, width: np.zeros(width),
    "some zero": lambda rng, width: rng.random(width) * rng.integers(0, 2, width),
    "mostly zero": lambda rng, width: (rng.random(width) > 0.9).astype(np.float64),
    "wide range": lambda rng, width: 10.0 ** rng.uniform(-20, 20, width),
}


# Negative rows with few weights that count make ggml find negative scales.
_SEEDED_KINDS = [
    *("normal", "uniform", "heavy tails", "bfloat16", "ties"),
    *("all negative", "far below zero"),
]


def row_of(kind: str, seed: int, width: int) -> Row:
    """One row of `width` numbers of a kind."""
    return KINDS[kind](np.random.default_rng(seed), width).astype(np.float32)


def importance_of(kind: str, seed: int, width: int) -> Row:
    """One weight for each of `width` columns."""
    return IMPORTANCE[kind](np.random.default_rng(seed), width).astype(np.float32)


def seeded_rows(count: int, width: int) -> npt.NDArray[np.float32]:
    """Rows of their own seed each, of several kinds, at one of several scales."""
    rows = np.empty((count, width), dtype=np.float32)
    for seed in range(count):
        rng = np.random.default_rng(seed)
        kind = _SEEDED_KINDS[seed % len(_SEEDED_KINDS)]
        rows[seed] = KINDS[kind](rng, width) * 10.0 ** rng.integers(-6, 4)
    return rows
