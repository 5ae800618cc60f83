"""Sample a matrix deterministically: runs of rows spread over it and its experts."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from app.conversion.layout.layout import LaidOutTensor
from app.native.quantization import dequantize_rows

_WEIGHTS = 2**17
_RUNS = 8
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Run:
    """Consecutive rows (count x width) of one expert's matrix."""

    expert: int
    rows: Floats


def sample(tensor: LaidOutTensor) -> Iterator[Run]:
    """Yield about 131,000 weights of a matrix in eight runs, or all of a smaller one.

    Only these rows are read where the layout knows their position; else the whole tensor is, once,
    and the layout gives it up.

    Raises:
        AppError: `file_unreadable`, and what `tensor.load` raises.
    """
    *outer, _, width = tensor.shape
    if not tensor.stored:
        numbers = _numbers(tensor)
        for expert, start, count in _places(tensor.name, prod(outer), len(numbers), width):
            yield Run(expert, numbers[start : start + count])
        return
    ends = list(accumulate(part.count for part in tensor.stored))
    for expert, start, count in _places(tensor.name, prod(outer), ends[-1], width):
        number = next(number for number, end in enumerate(ends) if start < end)
        part = tensor.stored[number]
        # A matrix may lie in several parts, and a run goes on into no other one.
        length = min(count, part.count)
        inner = min(start - (ends[number] - part.count), part.count - length)
        yield Run(expert, part.read(inner, length))


def _places(name: str, experts: int, rows: int, width: int) -> Iterator[tuple[int, int, int]]:
    """Yield the expert, first row and number of rows of each run; no run crosses experts."""
    expert_rows = rows // experts
    if rows * width <= _WEIGHTS:
        yield from ((expert, expert * expert_rows, expert_rows) for expert in range(experts))
        return
    count = max(1, min(expert_rows, _WEIGHTS // width // _RUNS))
    chance = random.Random(name)  # noqa: S311 - the same rows each time
    for number in range(_RUNS):
        start = int(rows * (number + chance.random()) / _RUNS)
        expert = start // expert_rows
        yield expert, min(start, (expert + 1) * expert_rows - count), count


def _numbers(tensor: LaidOutTensor) -> Floats:
    weights: npt.NDArray[Any] = tensor.load()
    rows = weights.reshape(prod(tensor.shape[:-1]), -1)
    if rows.dtype == np.uint8:
        return dequantize_rows(tensor.type_number, np.ascontiguousarray(rows))
    return np.ascontiguousarray(rows, dtype=np.float32)
