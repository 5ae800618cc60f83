"""Quantized rows that were made beforehand, found again by the weights that they stand for.

The converter may order the rows of a matrix differently than the checkpoint does.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

_Digests = npt.NDArray[np.uint64]
_Floats = npt.NDArray[np.float32]
_Bytes = npt.NDArray[np.uint8]
_ROWS, _DIGESTS = "rows", "digests"
_CHUNK_ROWS = 1024


def row_digests(weights: _Floats) -> _Digests:
    """Return a digest of each row (rows x columns): equal rows have equal ones."""
    numbers = np.random.default_rng(0).integers(1, 2**64, weights.shape[1], np.uint64)
    parts = [
        # Whole numbers wrap around.
        np.ascontiguousarray(weights[start : start + _CHUNK_ROWS]).view(np.uint32) @ numbers
        for start in range(0, len(weights), _CHUNK_ROWS)
    ]
    return np.concatenate(parts)


@dataclass(frozen=True)
class RoundedRows:
    """Quantized rows of one tensor in ggml's type `type_number`, in a folder of their own."""

    folder: Path
    type_number: int

    def add(self, weights: _Floats, rows: _Bytes) -> None:
        """Save the quantized rows (rows x row size) of weights (rows x columns).

        Those of one expert after the other may be added, before any is looked for.
        """
        self.add_known(row_digests(weights), rows)

    def add_known(self, digests: _Digests, rows: _Bytes) -> None:
        """Save the quantized rows of weights whose rows have these digests."""
        self.folder.mkdir(exist_ok=True)
        for name, content in ((_DIGESTS, digests), (_ROWS, rows)):
            with (self.folder / name).open("ab") as file:
                content.tofile(file)

    def find(self, weights: _Floats) -> _Bytes | None:
        """Return the quantized rows for weights (rows x columns); None if any row is unknown."""
        digests = row_digests(weights)
        known, order = self._sorted
        places = np.searchsorted(known, digests).clip(max=len(known) - 1)
        if not np.array_equal(known[places], digests):
            return None
        return np.ascontiguousarray(self._rows[order[places]])

    @cached_property
    def _sorted(self) -> tuple[_Digests, npt.NDArray[np.intp]]:
        digests = np.fromfile(self.folder / _DIGESTS, np.uint64)
        order = digests.argsort()
        return digests[order], order

    @cached_property
    def _rows(self) -> _Bytes:
        rows = np.memmap(self.folder / _ROWS, np.uint8, "r")
        return rows.reshape(len(self._sorted[0]), -1)
