"""Prevent code from a checkpoint from running, in Python files and in pickles."""

from __future__ import annotations

import functools
import pickle
from pathlib import Path
from typing import Any

from app.conversion.converter.patches.patched_transformers import import_transformers
from app.core.errors import AppError, ErrorCode


@functools.cache
def refuse_code() -> None:
    """Block every way in which the converter would run code from a checkpoint.

    It sets `trust_remote_code=True` in many places; that, and what lies behind it, is cut off.
    """
    import torch

    import_transformers()
    import transformers
    from transformers import dynamic_module_utils

    def refuse(*_: object, **__: object) -> None:
        raise ValueError("it needs its own Python code, which is not run")

    dynamic_module_utils.get_class_in_module = refuse
    for loader in (transformers.AutoTokenizer, transformers.AutoConfig):
        _without_remote_code(loader)
    torch.load = _weights_only(torch.load)


def _without_remote_code(loader: Any) -> None:
    load = loader.from_pretrained

    def from_pretrained(*arguments: Any, **options: Any) -> Any:
        try:
            return load(*arguments, **(options | {"trust_remote_code": False}))
        except ValueError as error:
            if "trust_remote_code" in str(error):
                raise AppError(ErrorCode.REMOTE_CODE_NEEDED) from error
            raise

    loader.from_pretrained = from_pretrained


def _weights_only(load: Any) -> Any:
    """Return the pickle loader with `weights_only` always on."""

    @functools.wraps(load)
    def load_weights(file: Any, *arguments: Any, **options: Any) -> Any:
        try:
            return load(file, *arguments, **(options | {"weights_only": True}))
        except pickle.UnpicklingError as error:
            raise AppError(ErrorCode.PICKLE_REFUSED, file=Path(str(file)).name) from error
        except (RuntimeError, ValueError, EOFError, KeyError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise AppError(
                ErrorCode.WEIGHTS_DAMAGED, file=Path(str(file)).name, reason=reason
            ) from error

    return load_weights
