"""Nothing that comes with a checkpoint is run: neither its Python code nor its pickles'."""

from __future__ import annotations

import functools
import importlib.util
import pickle
from pathlib import Path
from typing import Any

from app.core.errors import AppError, ErrorCode


@functools.cache
def refuse_code() -> None:
    """Force every road by which the converter would run code from a checkpoint shut.

    It sets `trust_remote_code=True` in many places; that, and what lies behind it, is cut off.
    """
    import torch

    _import_transformers()
    import transformers
    from transformers import dynamic_module_utils

    def refuse(*_: object, **__: object) -> None:
        raise ValueError("it needs Python code of its own, which is not run")

    dynamic_module_utils.get_class_in_module = refuse
    for loader in (transformers.AutoTokenizer, transformers.AutoConfig):
        _without_remote_code(loader)
    torch.load = _weights_only(torch.load)


def _import_transformers() -> None:
    """Import transformers as it is without torch: its tokenizers and configurations are all we use.

    With torch a configuration imports its models, their kernels and torch's compilers, for longer
    than all the rest takes.
    """
    find = importlib.util.find_spec

    def find_other(name: str, package: str | None = None) -> Any:
        return None if name == "torch" else find(name, package)

    importlib.util.find_spec = find_other
    try:
        from transformers.utils import is_torch_available

        # It keeps the answer that it found first.
        is_torch_available()
    finally:
        importlib.util.find_spec = find
    _look_through_models_once()


def _look_through_models_once() -> None:
    """Let transformers remember what it found in the files of its models, as it means to.

    It looks through more than a thousand of them, then does so again, because it names their folder
    in another way (`define_import_structure` in utils/import_utils.py).
    """
    from transformers.utils import import_utils

    find = import_utils.create_import_structure_from_path

    def find_once(place: str | Path) -> Any:
        folder = Path(place)
        return find(folder.parent if folder.name == "__init__.py" else folder)

    import_utils.create_import_structure_from_path = find_once


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
    """The pickle reader that knows tensors alone, with no way around it."""

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
