"""Check before a conversion starts that there is enough memory for it."""

from __future__ import annotations

from collections.abc import Iterable

from app.conversion.layout.layout import LaidOutTensor, Layout
from app.conversion.writer import MAX_READ_AHEAD_BYTES
from app.core.errors import AppError, ErrorCode
from app.machine.memory import usable_memory

_FLOAT32_BYTES = 4
_BUFFER_BYTES = 128 * 2**20
"""Memory for the data that threads work on, and for Python's temporary objects."""


def require_memory(layouts: Iterable[Layout]) -> int:
    """Check that there is enough memory to write these models; return the bytes it takes.

    One tensor at a time is in memory as values of 32 bits, and the next one if it is small, for a
    moment twice, while its rows are moved. Of tensors that are converted as they are stored, only a
    few rows are.

    Raises:
        AppError: `memory_short`.
    """
    tensors = [t for layout in layouts for t in layout.tensors if not t.is_as_stored]
    largest_bytes = _largest_bytes(tensors)
    ahead_bytes = _largest_bytes(t for t in tensors if t.size_bytes <= MAX_READ_AHEAD_BYTES)
    needed_bytes = largest_bytes + 2 * ahead_bytes + _BUFFER_BYTES
    free_bytes = usable_memory().free_bytes
    if needed_bytes > free_bytes:
        raise AppError(ErrorCode.MEMORY_SHORT, needed_bytes=needed_bytes, free_bytes=free_bytes)
    return needed_bytes


def _largest_bytes(tensors: Iterable[LaidOutTensor]) -> int:
    return _FLOAT32_BYTES * max((tensor.parameters for tensor in tensors), default=0)
