"""The bridge to llama.cpp's converter: it lays a checkpoint's tensors out, and reads no weight yet.

The converter is imported from its folder, with the gguf package beside it, so this module and what
it imports belong into a process of their own. Code that comes with a checkpoint is never run.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from app.checkpoint.documents import holds_tokenizer
from app.core.errors import AppError, ErrorCode

_FLOAT32, _FLOAT16, _BFLOAT16 = 0, 1, 30
FLOATING_TYPES = frozenset({_FLOAT32, _FLOAT16, _BFLOAT16})
"""Ggml's numbers of the types that are not block formats."""


@dataclass(frozen=True)
class LaidOutTensor:
    """A tensor as llama.cpp's own script would write it, slowest dimension first.

    `type_number` is ggml's. `load` reads the weights: for a floating type as numbers of 16 or 32
    bits, else the bytes of the block format that the checkpoint itself is in.
    """

    name: str
    shape: tuple[int, ...]
    type_number: int
    size_bytes: int
    load: Callable[[], npt.NDArray[Any]]


@dataclass(frozen=True)
class Layout:
    """What the converter makes of a checkpoint: the metadata and the tensors, in its order."""

    architecture: str
    metadata: dict[str, Any]
    tensors: tuple[LaidOutTensor, ...]

    @property
    def parameters(self) -> int:
        """The number of weights."""
        return sum(int(np.prod(tensor.shape)) for tensor in self.tensors)


def activate_converter(folder: Path) -> None:
    """Make the converter in `folder` importable; must come before anything imports gguf."""
    # The registry's gguf calls itself the same version as the converter's own, and is older.
    sys.path[:0] = [str(folder), str(folder / "gguf-py")]
    os.environ.update(
        NO_LOCAL_GGUF="1", HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1", TOKENIZERS_PARALLELISM="1"
    )
    logging.basicConfig(level=logging.WARNING)
    logging.getLogger("hf-to-gguf").setLevel(logging.WARNING)
    _refuse_remote_code()


def supports(architecture: str) -> bool:
    """Whether the converter knows a checkpoint's architecture."""
    from conversion import TEXT_MODEL_MAP

    return architecture in TEXT_MODEL_MAP


def lay_out(checkpoint: Path) -> Layout:
    """Let the converter lay out a checkpoint; every tensor stays lazy.

    Raises:
        AppError: `architecture_unsupported`, `tokenizer_missing`, `tokenizer_unknown`,
            `remote_code_needed`, `converter_failed`.
    """
    import torch
    from conversion import ModelBase, ModelType, get_model_architecture, get_model_class
    from gguf import LlamaFileType

    with _named_failures(), torch.inference_mode():
        parameters = ModelBase.load_hparams(checkpoint, False)
        architecture = get_model_architecture(parameters, ModelType.TEXT)
        if not supports(architecture):
            raise AppError(ErrorCode.ARCHITECTURE_UNSUPPORTED, architecture=architecture)
        model = get_model_class(architecture)(
            checkpoint, LlamaFileType.ALL_F32, checkpoint / "model.gguf", eager=False
        )
        model.ftype = _sixteen_bit_type(model)
        model.set_vocab = _naming_the_tokenizer(checkpoint)(model.set_vocab)
        model.prepare_tensors()
        model.prepare_metadata(vocab_only=False)
    writer = model.gguf_writer
    return Layout(
        architecture=writer.arch,
        metadata=writer.kv_data[0],
        tensors=tuple(_laid_out(name, info) for name, info in writer.tensors[0].items()),
    )


def _laid_out(name: str, info: Any) -> LaidOutTensor:
    lazy = [info.tensor]
    # From here on the tensor alone holds its lazy tree, and gives it up once it is loaded.
    info.tensor = None
    return LaidOutTensor(
        name=name,
        shape=tuple(int(length) for length in info.shape),
        type_number=int(info.dtype),
        size_bytes=int(info.nbytes),
        load=lambda: _read(lazy.pop(), int(info.dtype)),
    )


def _sixteen_bit_type(model: Any) -> Any:
    """The file type that keeps every weight as it is: what `--outtype auto` takes, or float32.

    It matters for tensors that are never quantised: they stay in the type of this layout.
    """
    import torch
    from gguf import LlamaFileType

    by_dtype = {
        torch.bfloat16: LlamaFileType.MOSTLY_BF16,
        torch.float16: LlamaFileType.MOSTLY_F16,
    }
    matrices = (tensor for _, tensor in model.get_tensors() if tensor.dim() > 1)
    first = next(matrices, None)
    return by_dtype.get(first.dtype if first is not None else None, LlamaFileType.ALL_F32)


def _read(lazy: Any, type_number: int) -> npt.NDArray[Any]:
    from gguf import LazyChunkedTensor, LazyNumpyTensor

    if isinstance(lazy, LazyChunkedTensor):
        return _read_chunks(lazy)
    if type_number == _BFLOAT16 and isinstance(lazy, LazyNumpyTensor):
        # What the lazy rounding to bfloat16 would be given.
        lazy = lazy._args[0]  # noqa: SLF001 - it has no name for that
    eager: npt.NDArray[Any] = LazyNumpyTensor.to_eager(lazy)
    if type_number == _BFLOAT16 and eager.dtype == np.uint8:
        return (eager.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
    return eager


def _read_chunks(lazy: Any) -> npt.NDArray[Any]:
    from gguf import GGMLQuantizationType
    from gguf.quants import quantize

    # It can only write to a file itself.
    target = lazy._qtype  # noqa: SLF001
    if target in FLOATING_TYPES:
        target = GGMLQuantizationType.F32
    return np.concatenate([quantize(load(), target) for load in lazy._chunks])  # noqa: SLF001


def _refuse_remote_code() -> None:
    """Force the converter's `trust_remote_code=True` off, and cut the road behind it as well."""
    import transformers
    from transformers import dynamic_module_utils

    def refuse(*_: object, **__: object) -> None:
        raise ValueError("it needs Python code of its own, which is not run")

    dynamic_module_utils.get_class_in_module = refuse
    for loader in (transformers.AutoTokenizer, transformers.AutoConfig):
        _without_remote_code(loader)


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


@contextmanager
def _named_failures() -> Iterator[None]:
    try:
        yield
    except (AppError, MemoryError):
        raise
    except Exception as error:
        logging.getLogger(__name__).exception("the converter failed")
        raise AppError(ErrorCode.CONVERTER_FAILED, reason=_in_words(error)) from error


@contextmanager
def _naming_the_tokenizer(checkpoint: Path) -> Iterator[None]:
    try:
        yield
    except (AppError, MemoryError):
        raise
    except Exception as error:
        logging.getLogger(__name__).exception("the converter failed at the tokenizer")
        if not holds_tokenizer(checkpoint):
            raise AppError(ErrorCode.TOKENIZER_MISSING, folder=str(checkpoint)) from error
        raise AppError(ErrorCode.TOKENIZER_UNKNOWN, reason=_in_words(error)) from error


def _in_words(error: Exception) -> str:
    text = str(error.args[0] if isinstance(error, KeyError) and error.args else error).strip()
    if isinstance(error, KeyError) and text and " " not in text:
        return f"it finds no “{text}” in config.json"
    return text.splitlines()[0] if text else type(error).__name__
