"""The error for models whose gradients can't be computed."""

from __future__ import annotations

import re

from app.core.errors import AppError, ErrorCode

_END_OF_SENTENCE = re.compile(r"\.(\s|$)|\n")


def gradients_unavailable(reason: str) -> AppError:
    """Return the error; `reason` is a clause such as “its weights are quantized already”."""
    return AppError(ErrorCode.GRADIENTS_UNAVAILABLE, reason=reason)


def first_sentence(error: Exception) -> str:
    """Return the first sentence of what other code raised, without its full stop."""
    return _END_OF_SENTENCE.split(str(error).strip(), maxsplit=1)[0] or type(error).__name__
