"""The harm of quantizing a matrix to each type: the KL divergence that it alone would cause."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import Executor
from functools import partial

import numpy as np
import numpy.typing as npt
import torch

from app.native.quantization import dequantize_rows, quantize_rows
from app.sensitivity.effects import EffectSample
from app.sensitivity.requests import Harms

_CHUNK_WEIGHTS = 2**20
_Floats = npt.NDArray[np.float32]


def harms_of(
    weights: torch.Tensor,
    importance: _Floats | None,
    sample: EffectSample,
    types: Iterable[int],
    pool: Executor,
) -> Harms:
    """Return the harm of each type for a matrix.

    Args:
        weights: The matrix (rows x columns).
        importance: One weight for each column, for ggml's search; None for equal ones.
        sample: Tokens that the importance was not made of.
        types: ggml's numbers.
        pool: Quantizes to several types side by side.
    """
    measure = partial(_harm, weights.numpy(), importance, sample)
    listed = list(types)
    return dict(zip(listed, pool.map(measure, listed), strict=True))


def _harm(
    weights: _Floats, importance: _Floats | None, sample: EffectSample, type_number: int
) -> float:
    effects = sample.new_sum()
    for rows, error in errors(weights, type_number, importance):
        effects.add(error, rows)
    return effects.divergence()


def errors(
    weights: _Floats, type_number: int, importance: _Floats | None
) -> Iterator[tuple[slice, torch.Tensor]]:
    """Quantize runs of rows with ggml's search; yield their place and what is missing."""
    count, width = weights.shape
    step = max(1, _CHUNK_WEIGHTS // width)
    for start in range(0, count, step):
        rows = np.ascontiguousarray(weights[start : start + step])
        rounded = dequantize_rows(type_number, quantize_rows(type_number, rows, importance))
        yield slice(start, start + len(rows)), torch.from_numpy(rows - rounded)
