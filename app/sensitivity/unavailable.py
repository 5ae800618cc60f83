"""The error for models whose gradients can't be computed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from app.core.errors import AppError, ErrorCode
from app.core.language import tr

_FAILURES = (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
_END_OF_SENTENCE = re.compile(r"\.(\s|$)|\n")


def gradients_unavailable(reason: str) -> AppError:
    """Return the error; `reason` is a clause such as “its weights are quantized already”."""
    return AppError(ErrorCode.GRADIENTS_UNAVAILABLE, reason=reason)


@contextmanager
def running_its_code() -> Iterator[None]:
    """Raise `gradients_unavailable` for failures of a model's code in transformers."""
    try:
        yield
    except _FAILURES as error:
        # Code for each of hundreds of architectures fails in its own way.
        reason = tr("its code in transformers fails: {error}", error=first_sentence(error))
        raise gradients_unavailable(reason) from error


def first_sentence(error: Exception) -> str:
    """Return the first sentence of what other code raised, without its full stop."""
    return _END_OF_SENTENCE.split(str(error).strip(), maxsplit=1)[0] or type(error).__name__
