"""Refuse to read the holes that stand in for most weights in an outline.

Weights that are in memory are taken from there.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from app.checkpoint.folder_kind import LARGEST_SCALAR_BYTES, holds_scalars, is_outline
from app.conversion.converter.weight_provider import provided_weights
from app.conversion.layout.layout import WeightRange
from app.core.errors import AppError, ErrorCode


def require_weights(file: Path, size_bytes: int) -> None:
    """Check that a weight file holds the values of a tensor of `size_bytes`.

    Raises:
        AppError: `weights_are_holes`.
    """
    if not is_outline(file.parent):
        return
    if size_bytes > LARGEST_SCALAR_BYTES or not holds_scalars(file.parent):
        raise AppError(ErrorCode.WEIGHTS_ARE_HOLES, file=file.name)


@functools.cache
def refuse_holes() -> None:
    """Keep the converter from reading holes: it would take their zeros for weights."""
    from gguf.utility import LocalTensor

    read = LocalTensor.mmap_bytes

    def read_weights(tensor: Any) -> Any:
        place = tensor.data_range
        file = Path(place.filename)
        held = provided_weights(WeightRange(file, place.offset, place.size))
        if held is not None:
            return held
        require_weights(file, place.size)
        return read(tensor)

    LocalTensor.mmap_bytes = read_weights
