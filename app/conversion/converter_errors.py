"""Faults of llama.cpp's converter in words: it raises errors of many kinds, few with a sentence."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.checkpoint.documents import holds_tokenizer
from app.core.errors import AppError, ErrorCode

_ANY_TOKENIZER = "tokenizer.json or tokenizer.model"
_MISSING_FILE = re.compile(r"\b(tokenizer\.model|vocab\.json|tokenizer\.json|merges\.txt)\b")


@contextmanager
def naming_the_converter() -> Iterator[None]:
    """Name a fault of the converter that nothing closer to it has named."""
    try:
        yield
    except (AppError, MemoryError):
        raise
    except Exception as error:
        logging.getLogger(__name__).exception("the converter failed")
        raise AppError(ErrorCode.CONVERTER_FAILED, reason=_in_words(error)) from error


@contextmanager
def naming_the_tokenizer(checkpoint: Path) -> Iterator[None]:
    """Name a fault of the converter while it reads the tokenizer of a checkpoint."""
    try:
        yield
    except (AppError, MemoryError):
        raise
    except Exception as error:
        logging.getLogger(__name__).exception("the converter failed at the tokenizer")
        if missing := _missing_file(checkpoint, str(error)):
            facts = {"folder": str(checkpoint), "file": missing}
            raise AppError(ErrorCode.TOKENIZER_MISSING, **facts) from error
        raise AppError(ErrorCode.TOKENIZER_UNKNOWN, reason=_in_words(error)) from error


@contextmanager
def naming_the_quantization(method: str) -> Iterator[None]:
    """Name a fault of the converter while it reads weights quantised by `method`."""
    try:
        yield
    except (AssertionError, NotImplementedError, KeyError) as error:
        logging.getLogger(__name__).exception("the converter failed at the quantised weights")
        facts = {"method": method, "reason": _in_words(error)}
        raise AppError(ErrorCode.QUANTIZATION_UNSUPPORTED, **facts) from error


def _missing_file(checkpoint: Path, reason: str) -> str | None:
    """The file that the tokenizer of this model is in, when it is not there."""
    if not holds_tokenizer(checkpoint):
        return _ANY_TOKENIZER
    named = _MISSING_FILE.search(reason)
    return named[0] if named and not (checkpoint / named[0]).exists() else None


def _in_words(error: Exception) -> str:
    text = str(error.args[0] if isinstance(error, KeyError) and error.args else error).strip()
    if isinstance(error, KeyError) and text and " " not in text:
        return f"it finds no “{text}” in config.json"
    if isinstance(error, AssertionError) and not text:
        return "the weights are not of the form that it expects"
    return text.splitlines()[0] if text else type(error).__name__
