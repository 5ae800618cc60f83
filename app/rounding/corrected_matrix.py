"""Correct the rounding of one matrix, and keep ggml's where that is better."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from app.native.quantization import dequantize_rows, quantize_rows
from app.rounding.block_fields import Bytes
from app.rounding.coordinate_descent import descend
from app.rounding.damping import DAMPING, MOST_DAMPING
from app.rounding.error_feedback import inverse_factor, round_with_feedback

_SWEEPS = 2
_CHUNK_ROWS = 1024


@dataclass(frozen=True)
class WeighedInputs:
    """Held-out inputs (tokens x columns), each times the length of its gradient."""

    inputs: torch.Tensor

    def loss(self, error: torch.Tensor) -> float:
        """Return the mean weighed square of what an error (rows x columns) does to the outputs."""
        return float((self.inputs @ error.T).square().sum()) / max(1, len(self.inputs))


@dataclass(frozen=True)
class CorrectedMatrix:
    """The quantized rows (rows x row size), and their held-out losses.

    `rows` are the `plain_rows`, ggml's, unless their loss was lower.
    """

    rows: Bytes
    plain_rows: Bytes
    loss: float
    plain_loss: float

    @property
    def is_corrected(self) -> bool:
        """True if the corrected rounding was accepted."""
        return self.loss < self.plain_loss


def correct(
    weights: torch.Tensor,
    corrector: Corrector,
    held_out: WeighedInputs,
    type_number: int,
    pool: Executor,
) -> CorrectedMatrix:
    """Round a matrix with error feedback and coordinate descent.

    Args:
        weights: The matrix (rows x columns).
        corrector: Rounds by the second moments of its inputs.
        held_out: Inputs that the moments were not made of: they decide.
        type_number: ggml's number of a type that can be corrected.
        pool: Rounds runs of rows side by side.
    """
    chunks = weights.split(_CHUNK_ROWS)
    plain = partial(_plain, corrector.importance, type_number)
    rows = np.vstack(list(pool.map(partial(corrector.round, type_number=type_number), chunks)))
    plain_rows = np.vstack(list(pool.map(plain, chunks)))
    loss, plain_loss = (
        sum(held_out.loss(error) for error in _errors(weights, found, type_number))
        for found in (rows, plain_rows)
    )
    # A comparison with what is not a number is false, too.
    return CorrectedMatrix(rows if loss < plain_loss else plain_rows, plain_rows, loss, plain_loss)


class Corrector:
    """Rounds rows of a matrix by the second moments of its inputs (columns x columns).

    Attributes:
        importance: The mean squares of the inputs (columns), for ggml's search.
    """

    def __init__(self, moments: torch.Tensor) -> None:
        """Damp the moments in place, and factor them."""
        diagonal = moments.diagonal()
        exact = diagonal.clone()
        self.importance = exact.numpy()
        self._moments = moments
        damping = DAMPING
        while True:
            # Never all zero.
            torch.add(exact, damping * exact.mean() + 1e-12, out=diagonal)
            try:
                self._factor = inverse_factor(moments)
            except torch.linalg.LinAlgError:
                if damping >= MOST_DAMPING:
                    raise
                damping *= 2
            else:
                return

    def round(self, rows: torch.Tensor, type_number: int) -> Bytes:
        """Return the quantized rows."""
        grid = round_with_feedback(rows, self._factor, type_number)
        descend(rows, self._moments, grid, _SWEEPS)
        return grid.to_bytes()


def _plain(importance: np.ndarray, type_number: int, rows: torch.Tensor) -> Bytes:
    return quantize_rows(type_number, np.ascontiguousarray(rows.numpy()), importance)


def _errors(weights: torch.Tensor, rows: Bytes, type_number: int) -> Iterator[torch.Tensor]:
    for start in range(0, len(rows), _CHUNK_ROWS):
        chunk = slice(start, start + _CHUNK_ROWS)
        rounded = dequantize_rows(type_number, np.ascontiguousarray(rows[chunk]))
        yield weights[chunk] - torch.from_numpy(rounded)
