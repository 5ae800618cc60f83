"""The memory that tuning a model takes, and on how many threads it fits."""

from __future__ import annotations

from app.allocation.study import Study
from app.core.errors import AppError, ErrorCode
from app.machine.memory import usable_memory

_VALUE_BYTES = 4
_PACKED_BYTES = 1
"""The quantized rows of a weight, and what is known of its block."""
_LOGITS = 4
"""Arrays of the logits' size: they, their probabilities, the expected ones, and a copy."""


def tuning_threads(study: Study) -> int:
    """Return on how many threads a model can be tuned: at most those of the study.

    The weights are in memory in 32 bits; each thread has its own gradients and logits.

    Raises:
        AppError: `tuning_needs_memory`.
    """
    whole_bytes = study.layout.parameters * (_VALUE_BYTES + _PACKED_BYTES)
    logits = len(study.measured.tokens[0]) * study.vocabulary_size * _LOGITS
    thread_bytes = _VALUE_BYTES * (study.layout.parameters + logits)
    free_bytes = usable_memory().free_bytes
    count = (free_bytes - whole_bytes) // thread_bytes
    if count < 1:
        needed_bytes = whole_bytes + thread_bytes
        raise AppError(
            ErrorCode.TUNING_NEEDS_MEMORY, needed_bytes=needed_bytes, free_bytes=free_bytes
        )
    return min(count, study.measured.threads)
