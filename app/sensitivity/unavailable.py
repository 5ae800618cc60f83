"""The error for models whose gradients can't be computed."""

from __future__ import annotations

from app.core.errors import AppError, ErrorCode


def gradients_unavailable(reason: str) -> AppError:
    """Return the error; `reason` is a clause such as “its weights are quantized already”."""
    return AppError(ErrorCode.GRADIENTS_UNAVAILABLE, reason=reason)
