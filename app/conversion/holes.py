"""Outlines of checkpoints: where the weights would be there are holes, and none may be read."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from app.checkpoint.kind import is_outline
from app.core.errors import AppError, ErrorCode


def require_weights(file: Path) -> None:
    """Check that a weight file holds its weights.

    Raises:
        AppError: `weights_are_holes`.
    """
    if is_outline(file.parent):
        raise AppError(ErrorCode.WEIGHTS_ARE_HOLES, file=file.name)


@functools.cache
def refuse_holes() -> None:
    """Let the converter read no hole: it would take zeros for weights."""
    from gguf.utility import LocalTensor

    read = LocalTensor.mmap_bytes

    def read_weights(tensor: Any) -> Any:
        require_weights(Path(tensor.data_range.filename))
        return read(tensor)

    LocalTensor.mmap_bytes = read_weights
