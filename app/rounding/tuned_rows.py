"""Rounded rows whose block scales are tuned; their codes and sub-blocks' scales stay."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from app.rounding.block_fields import Bytes
from app.rounding.grid import Grid

_CHUNK_ROWS = 1024


class TunedRows:
    """Rows of a matrix in a type that can be corrected.

    Attributes:
        changes: What is added to d and dmin, as a share of each (2 x rows x blocks).
    """

    def __init__(self, type_number: int, rows: Bytes) -> None:
        """Take quantized rows (rows x row size)."""
        self._type_number = type_number
        self._rows = rows
        grids = list(self._grids())
        self._scales = torch.stack(
            [torch.cat([grid.d for grid in grids]), torch.cat([grid.dmin for grid in grids])]
        )
        # They are small whole numbers.
        self._minimums = torch.cat([grid.minimums.to(torch.int8) for grid in grids])
        self._sub_block = grids[0].sub_block
        self.changes = torch.zeros_like(self._scales)

    def values(self) -> torch.Tensor:
        """Return the weights (rows x columns)."""
        return torch.cat([grid.values() for grid in self._changed_grids()])

    def to_bytes(self) -> Bytes:
        """Return the quantized rows, their scales in half precision."""
        return np.vstack([grid.to_bytes() for grid in self._changed_grids()])

    def gradients(self, values: torch.Tensor, by_values: torch.Tensor) -> torch.Tensor:
        """Return the gradients of a loss by the changes (2 x rows x blocks).

        Args:
            values: The present weights (rows x columns).
            by_values: The gradients of the loss by them.
        """
        count, blocks = self._scales.shape[1:]
        by_sub_block = by_values.reshape(count, -1, self._sub_block).sum(2)
        by_dmin = (by_sub_block * self._minimums).reshape(count, blocks, -1).sum(2)
        with_minimum = (by_values * values).reshape(count, blocks, -1).sum(2)
        # A weight is d (1 + r) · sc · level - dmin (1 + s) · mn, and its first part is asked for.
        d_and_dmin = self._scales * (1 + self.changes)
        by_scale = (with_minimum + d_and_dmin[1] * by_dmin) / (1 + self.changes[0])
        return torch.stack([by_scale, -self._scales[1] * by_dmin])

    def _grids(self) -> Iterator[Grid]:
        for start in range(0, len(self._rows), _CHUNK_ROWS):
            yield Grid.from_bytes(self._type_number, self._rows[start : start + _CHUNK_ROWS])

    def _changed_grids(self) -> Iterator[Grid]:
        changed = self._scales * (1 + self.changes)
        for number, grid in enumerate(self._grids()):
            run = slice(number * _CHUNK_ROWS, (number + 1) * _CHUNK_ROWS)
            grid.d, grid.dmin = changed[:, run]
            yield grid
