"""Cut the bytes of a weight file into its stored tensors, as they come."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from app.conversion.layout.layout import WeightRange


class FilePiece(NamedTuple):
    """Consecutive bytes of a file, of one stored tensor or of none.

    `completed` is the tensor that they are the end of, if they are, and `weights` all its bytes,
    None if they weren't to be kept.
    """

    offset: int
    content: memoryview
    is_of_tensor: bool
    completed: WeightRange | None = None
    weights: npt.NDArray[np.uint8] | None = None


class TensorCutter:
    """Cuts the chunks of one file."""

    def __init__(
        self, ranges: Sequence[WeightRange], position: int, keeps: Callable[[WeightRange], bool]
    ) -> None:
        """Begin at `position`, at or before the first of `ranges`, which are in order.

        Args:
            ranges: The stored tensors to come.
            position: The place of the first byte in the file.
            keeps: Tells whether the bytes of a tensor are to be collected.
        """
        self._coming = deque(ranges)
        self._position = position
        self._keeps = keeps
        self._weights: npt.NDArray[np.uint8] | None = None

    def cut(self, chunk: bytes) -> Iterator[FilePiece]:
        """Yield the pieces of the next bytes of the file."""
        rest = memoryview(chunk)
        while rest:
            bound, current = self._bound()
            piece, rest = rest[: bound - self._position], rest[bound - self._position :]
            yield self._taken(piece, current)

    def _bound(self) -> tuple[int, WeightRange | None]:
        """Return where the current piece ends at the latest, and the tensor that it belongs to."""
        if not self._coming:
            return sys.maxsize, None
        first = self._coming[0]
        if self._position < first.offset:
            return first.offset, None
        return first.offset + first.size_bytes, first

    def _taken(self, piece: memoryview, current: WeightRange | None) -> FilePiece:
        offset = self._position
        self._position += len(piece)
        if current is None:
            return FilePiece(offset, piece, is_of_tensor=False)
        if offset == current.offset:
            is_kept = self._keeps(current)
            self._weights = np.empty(current.size_bytes, np.uint8) if is_kept else None
        if self._weights is not None:
            start = offset - current.offset
            self._weights[start : start + len(piece)] = np.frombuffer(piece, np.uint8)
        if self._position < current.offset + current.size_bytes:
            return FilePiece(offset, piece, is_of_tensor=True)
        self._coming.popleft()
        weights, self._weights = self._weights, None
        return FilePiece(offset, piece, True, current, weights)
