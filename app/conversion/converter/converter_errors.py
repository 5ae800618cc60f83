"""Turn the converter's exceptions, many of which have no message, into `AppError`s."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.checkpoint.documents import holds_tokenizer
from app.checkpoint.tokenizer_files import require_sound_tokenizer_files
from app.core.errors import AppError, ErrorCode
from app.core.language import tr

_ANY_TOKENIZER = tr("tokenizer.json or tokenizer.model")
_NAME_IN_A_DOCUMENT = re.compile(r"[a-z][a-z0-9_]*")
_NONE_OF = re.compile(r"could not find any of: \[(?P<names>.+)\]")
_UNMAPPED = re.compile(r"Can not map tensor '(?P<tensor>.+)'")
_QUANTIZED_TENSORS = {
    ".SCB": tr("bitsandbytes, 8 bits"),
    ".quant_map": tr("bitsandbytes, 4 bits"),
    ".absmax": tr("bitsandbytes, 4 bits"),
    ".qweight": tr("GPTQ or AWQ"),
    ".qzeros": tr("GPTQ or AWQ"),
    ".g_idx": "GPTQ",
    ".weight_packed": "compressed-tensors",
    ".weight_scale": tr("compressed-tensors or FP8"),
    ".weight_scale_inv": "FP8",
    ".input_scale": "FP8",
}
"""The ends of the names of tensors that accompany quantized weights, and whose they are."""
_MISSING_FILE = re.compile(r"\b(tokenizer\.model|vocab\.json|tokenizer\.json|merges\.txt)\b")


@contextmanager
def reporting_converter_errors() -> Iterator[None]:
    """Report any exception of the converter that no inner context has reported."""
    try:
        yield
    except (AppError, MemoryError):
        raise
    except Exception as error:
        logging.getLogger(__name__).exception("the converter failed")
        if unmapped := _UNMAPPED.search(str(error)):
            raise _unexpected_tensor(unmapped["tensor"]) from error
        if isinstance(error, FileNotFoundError) and _MISSING_FILE.search(str(error.filename)):
            file = Path(error.filename)
            details = {"folder": str(file.parent), "file": file.name}
            raise AppError(ErrorCode.TOKENIZER_MISSING, **details) from error
        raise AppError(ErrorCode.CONVERTER_FAILED, reason=_describe(error)) from error


@contextmanager
def reporting_tokenizer_errors(checkpoint: Path) -> Iterator[None]:
    """Report an exception of the converter while it reads the tokenizer of a checkpoint."""
    try:
        yield
    except (AppError, MemoryError):
        raise
    except Exception as error:
        logging.getLogger(__name__).exception("the converter failed at the tokenizer")
        if missing := _missing_file(checkpoint, str(error)):
            details = {"folder": str(checkpoint), "file": missing}
            raise AppError(ErrorCode.TOKENIZER_MISSING, **details) from error
        if damaged := _damaged_file(checkpoint):
            raise damaged from error
        if isinstance(error, KeyError) and (token := _missing_token(error)):
            raise AppError(ErrorCode.TOKEN_MISSING, token=token) from error
        reason = _describe(error, tr("its files"), tr("it is not in the expected form"))
        raise AppError(ErrorCode.TOKENIZER_UNKNOWN, reason=reason) from error


@contextmanager
def reporting_quantization_errors(method: str) -> Iterator[None]:
    """Report an exception of the converter while it reads weights quantized by `method`."""
    try:
        yield
    except (AssertionError, NotImplementedError, KeyError) as error:
        logging.getLogger(__name__).exception("the converter failed at the quantized weights")
        details = {"method": method, "reason": _describe(error)}
        raise AppError(ErrorCode.QUANTIZATION_UNSUPPORTED, **details) from error


def _missing_file(checkpoint: Path, reason: str) -> str | None:
    """Return the file with the tokenizer of this model, if it is missing."""
    if not holds_tokenizer(checkpoint):
        return _ANY_TOKENIZER
    named = _MISSING_FILE.search(reason)
    return named[0] if named and not (checkpoint / named[0]).exists() else None


def _damaged_file(checkpoint: Path) -> AppError | None:
    """Return the error for a file of the tokenizer that can't be read at all."""
    try:
        require_sound_tokenizer_files(checkpoint)
    except AppError as error:
        return error
    return None


def _missing_token(error: KeyError) -> str | None:
    """Return the token that was not found, unless it is the name of a field."""
    text = _text_of(error)
    return None if not text or " " in text or _NAME_IN_A_DOCUMENT.fullmatch(text) else text


def _unexpected_tensor(name: str) -> AppError:
    """Return the error for a tensor that the architecture has no place for."""
    methods = (method for end, method in _QUANTIZED_TENSORS.items() if name.endswith(end))
    if method := next(methods, None):
        reason = tr("config.json has no quantization_config that describes {name}", name=name)
        return AppError(ErrorCode.QUANTIZATION_UNSUPPORTED, method=method, reason=reason)
    return AppError(ErrorCode.TENSOR_UNKNOWN, tensor=name)


def _describe(
    error: Exception,
    place: str = "config.json",
    mismatch: str = tr("the weights are not in the expected form"),
) -> str:
    """Describe a fault in one line; `place` has the fields, `mismatch` an assertion's meaning."""
    text = _text_of(error)
    if isinstance(error, RecursionError):
        return tr("it fails to handle this architecture: it calls itself without end")
    if isinstance(error, KeyError) and (sought := _sought_in(text)):
        return tr("it finds no {sought} in {place}", sought=sought, place=place)
    if isinstance(error, KeyError) and text and " " not in text:
        return tr("it has no entry for {name}", name=text)
    if isinstance(error, AssertionError) and not text:
        return mismatch
    return text.splitlines()[0] if text else type(error).__name__


def _sought_in(text: str) -> str:
    """Return the field names in a KeyError, any of which would do; empty if there are none."""
    if several := _NONE_OF.fullmatch(text):
        names = (name.strip(" '\"") for name in several["names"].split(","))
        return tr(" or ").join(f"“{name}”" for name in names)
    return f"“{text}”" if _NAME_IN_A_DOCUMENT.fullmatch(text) else ""


def _text_of(error: Exception) -> str:
    return str(error.args[0] if isinstance(error, KeyError) and error.args else error).strip()
