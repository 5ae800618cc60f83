"""How much memory a conversion takes, checked before it starts."""

from __future__ import annotations

from collections.abc import Iterable

import psutil

from app.conversion.layout import Layout
from app.core.errors import AppError, ErrorCode

_FLOAT32_BYTES = 4
_WORKING_BYTES = 400 * 2**20
"""Buffers of the threads and what is read ahead, on top of the largest tensor."""


def require_memory(layouts: Iterable[Layout]) -> int:
    """The bytes that writing these models will take beyond what this process has already.

    One tensor at a time is in memory, as it was read and as numbers of 32 bits; the next one is
    read ahead if it is small.

    Raises:
        AppError: `memory_short`.
    """
    largest_bytes = max(
        (
            tensor.size_bytes + _FLOAT32_BYTES * tensor.parameters
            for layout in layouts
            for tensor in layout.tensors
        ),
        default=0,
    )
    needed_bytes = largest_bytes + _WORKING_BYTES
    free_bytes = psutil.virtual_memory().available
    if needed_bytes > free_bytes:
        raise AppError(ErrorCode.MEMORY_SHORT, needed_bytes=needed_bytes, free_bytes=free_bytes)
    return needed_bytes
