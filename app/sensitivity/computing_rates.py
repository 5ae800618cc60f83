"""Measure how fast this machine multiplies matrices and rounds weights, in a second."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Executor

import numpy as np
import numpy.typing as npt
import torch

from app.gguf_file.tensor_types import TYPE_NUMBERS
from app.native.quantization import dequantize_rows, quantize_rows
from app.sensitivity.passes import single_threaded_pool
from app.sensitivity.requests import ComputingRates

_TOKENS, _WIDTH = 512, 2048
_TYPE = TYPE_NUMBERS["q4_K"]
_SLOW_TYPE, _SLOW_ROWS = TYPE_NUMBERS["iq3_xxs"], 16
"""It takes as long as IQ2_XXS to IQ3_S do on average."""
_SECONDS = 0.2


def computing_rates(threads: int) -> ComputingRates:
    """Return the rates of all threads together."""
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(_TOKENS, _WIDTH, generator=generator)
    weights = torch.randn(_WIDTH, _WIDTH, generator=generator)
    rows = weights[:_TOKENS].numpy()

    few = rows[:_SLOW_ROWS]
    importance = rows[0] * rows[0]

    def rounded(type_number: int, some: npt.NDArray[np.float32]) -> None:
        dequantize_rows(type_number, quantize_rows(type_number, some, importance))

    with single_threaded_pool(threads) as pool:
        products = _rate(lambda: inputs @ weights.T, threads, pool)
        roundings = _rate(lambda: rounded(_TYPE, rows), threads, pool)
        slow_roundings = _rate(lambda: rounded(_SLOW_TYPE, few), threads, pool)
    return ComputingRates(
        products * 2 * inputs.numel() * _WIDTH, roundings * rows.size, slow_roundings * few.size
    )


def _rate(work: Callable[[], object], threads: int, pool: Executor) -> float:
    """Return how often per second all threads together do some work."""
    # What is done once only doesn't count.
    list(pool.map(lambda _: work(), range(threads)))
    began = time.monotonic()
    counts = pool.map(lambda _: _repeated(work, began + _SECONDS), range(threads))
    return sum(counts) / (time.monotonic() - began)


def _repeated(work: Callable[[], object], end: float) -> int:
    """Do some work until the end; return how often."""
    count = 0
    while time.monotonic() < end or not count:
        work()
        count += 1
    return count
