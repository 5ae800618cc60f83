"""Refuse to read the holes that stand in for most weights in an outline."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from app.checkpoint.folder_kind import LARGEST_SCALAR_BYTES, holds_scalars, is_outline
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
        require_weights(Path(place.filename), place.size)
        return read(tensor)

    LocalTensor.mmap_bytes = read_weights
