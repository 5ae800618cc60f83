"""The bridge to llama.cpp's converter: it lays a checkpoint's tensors out, and reads no weight yet.

The converter is imported from its folder, with the gguf package beside it, so this module and what
it imports belong into a process of their own. Code that comes with a checkpoint is never run.
"""

from __future__ import annotations

import functools
import logging
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from app.checkpoint.documents import holds_tokenizer
from app.conversion.disagreements import settle, settle_names
from app.conversion.header import encoded
from app.conversion.holes import refuse_holes
from app.conversion.layout import LaidOutTensor, Layout
from app.conversion.lazy import evaluated, stored_rows
from app.conversion.untrusted import refuse_code
from app.conversion.vocabulary_ahead import VocabularyAhead
from app.core.errors import AppError, ErrorCode
from app.core.levels import Level

_ANY_TOKENIZER = "tokenizer.json or tokenizer.model"
_DEQUANTIZED = frozenset({"gptq", "fp8", "compressed-tensors", "bitnet", "modelopt"})
"""Methods whose weights the converter turns back into numbers (dequant_model in base.py)."""
_MISSING_FILE = re.compile(r"\b(tokenizer\.model|vocab\.json|tokenizer\.json|merges\.txt)\b")


def activate_converter(folder: Path) -> None:
    """Make the converter in `folder` importable; must come before anything imports gguf."""
    # The registry's gguf calls itself the same version as the converter's own, and is older.
    sys.path[:0] = [str(folder), str(folder / "gguf-py")]
    os.environ.update(
        NO_LOCAL_GGUF="1",
        HF_HUB_OFFLINE="1",
        TRANSFORMERS_OFFLINE="1",
        TRANSFORMERS_NO_ADVISORY_WARNINGS="1",
        TOKENIZERS_PARALLELISM="1",
    )
    logging.basicConfig(level=logging.WARNING)
    logging.getLogger("hf-to-gguf").setLevel(logging.WARNING)


def import_converter(folder: Path) -> None:
    """Import the converter in `folder` and what it needs, which takes seconds, before it is used.

    May run on a thread of its own; what fails fails again, and is told, where it is used.
    """
    activate_converter(folder)
    with suppress(Exception), converting():
        import conversion  # noqa: F401


def lay_out(checkpoint: Path, vocabulary: VocabularyAhead | None = None) -> Layout:
    """Let the converter lay out a checkpoint's language model in the type that it is in.

    Every tensor stays lazy.

    Args:
        checkpoint: Its folder.
        vocabulary: Where another process makes it.

    Raises:
        AppError: `architecture_unsupported`, `tokenizer_missing`, `tokenizer_unknown`,
            `remote_code_needed`, `quantization_unsupported`, `pickle_refused`, `weights_damaged`,
            `weights_are_holes`, `converter_failed`.
    """
    with converting():
        from conversion import ModelType

        model = _model(checkpoint, ModelType.TEXT)
        model.ftype = _sixteen_bit_type(model)
        known = vocabulary.entries() if vocabulary else None
        if known is None:
            model.set_vocab = _naming_the_tokenizer(checkpoint)(model.set_vocab)
            return layout_of(model)
        # It is the last that the converter does, and does nothing else.
        model.set_vocab = lambda: None
        layout = layout_of(model)
        return replace(layout, metadata={**layout.metadata, **known})


def vocabulary_of(checkpoint: Path) -> dict[str, bytes]:
    """The architecture and the vocabulary of a checkpoint, as entries of metadata.

    Needs no torch, for nearly all models.

    Raises:
        AppError: what `lay_out` raises.
    """
    with converting():
        from conversion import ModelType

        model = _model(checkpoint, ModelType.TEXT)
        model.set_vocab()
        return encoded(model.gguf_writer.kv_data[0])


def lay_out_projector(checkpoint: Path, level: Level) -> Layout:
    """Let the converter lay out a checkpoint's multimodal projector, in the types of a level.

    Raises:
        AppError: `projector_missing`, and what `lay_out` raises.
    """
    with converting():
        from conversion import ModelType
        from gguf import LlamaFileType

        model = _model(checkpoint, ModelType.MMPROJ)
        model.ftype = LlamaFileType(level.ftype)
        return layout_of(model)


def layout_of(model: Any) -> Layout:
    """What the converter makes of a model of its own classes, every tensor lazy."""
    model.prepare_tensors()
    model.prepare_metadata(vocab_only=False)
    writer = model.gguf_writer
    return Layout(
        architecture=writer.arch,
        metadata=encoded(writer.kv_data[0]),
        tensors=tuple(_laid_out(name, info) for name, info in writer.tensors[0].items()),
    )


@contextmanager
def converting() -> Iterator[None]:
    """Run the converter: without the checkpoint's code, without gradients, with named failures.

    It is imported inside: what this does must come before.
    """
    import torch

    refuse_code()
    refuse_holes()
    _bear_odd_model_cards()
    try:
        with torch.inference_mode():
            yield
    except (AppError, MemoryError):
        raise
    except Exception as error:
        logging.getLogger(__name__).exception("the converter failed")
        raise AppError(ErrorCode.CONVERTER_FAILED, reason=_in_words(error)) from error


@functools.cache
def _bear_odd_model_cards() -> None:
    """A README.md whose YAML can't be read gives no metadata, rather than stop the conversion."""
    from gguf import Metadata

    load = Metadata.load_model_card

    def load_if_it_can_be_read(folder: Path | None = None) -> dict[str, Any]:
        try:
            card: dict[str, Any] = _as_texts(load(folder))
        except Exception:
            # YAML is a large language, with errors of many kinds.
            logging.getLogger(__name__).exception("the model card is left out")
            return {}
        return card

    Metadata.load_model_card = load_if_it_can_be_read


def _as_texts(value: Any) -> Any:
    """What YAML took for a number, a date or a truth value, as the text that it is in a card."""
    match value:
        case dict():
            return {key: _as_texts(one) for key, one in value.items()}
        case list():
            return [_as_texts(one) for one in value]
        case bool():
            # The language “no” above all.
            return "yes" if value else "no"
        case None | str():
            return value
    return str(value)


def _model(checkpoint: Path, kind: Any) -> Any:
    from conversion import ModelBase, ModelType, get_model_architecture, get_model_class
    from gguf import LlamaFileType

    parameters = settle(ModelBase.load_hparams(checkpoint, False))
    architecture = get_model_architecture(parameters, kind)
    try:
        make = get_model_class(architecture, mmproj=kind == ModelType.MMPROJ)
    except NotImplementedError as error:
        code = ErrorCode.ARCHITECTURE_UNSUPPORTED
        raise AppError(code, architecture=architecture) from error
    model = make(
        checkpoint,
        LlamaFileType.ALL_F32,
        checkpoint / "model.gguf",
        eager=False,
        hparams=parameters,
    )
    settle_names(model)
    naming = _naming_the_quantization(_quantization_of(parameters))
    model.dequant_model = naming(model.dequant_model)
    return model


def _quantization_of(parameters: dict[str, Any]) -> str:
    return str((parameters.get("quantization_config") or {}).get("quant_method", ""))


def _laid_out(name: str, info: Any) -> LaidOutTensor:
    shape = tuple(int(length) for length in info.shape)
    stored = stored_rows(info.tensor, shape)
    lazy = [info.tensor]
    # From here on the tensor alone holds its lazy tree, and gives it up once it is loaded.
    info.tensor = None
    return LaidOutTensor(
        name=name,
        shape=shape,
        type_number=int(info.dtype),
        size_bytes=int(info.nbytes),
        load=lambda: evaluated(lazy.pop(), int(info.dtype)),
        stored=stored,
    )


def _sixteen_bit_type(model: Any) -> Any:
    """The file type that keeps every weight as it is: what `--outtype auto` takes, or float32.

    It matters for tensors that are never quantised: they stay in the type of this layout. Numbers
    that come out of another quantization are exact in 32 bits only.
    """
    import torch
    from gguf import LlamaFileType

    if _quantization_of(model.hparams) in _DEQUANTIZED:
        return LlamaFileType.ALL_F32
    by_dtype = {
        torch.bfloat16: LlamaFileType.MOSTLY_BF16,
        torch.float16: LlamaFileType.MOSTLY_F16,
    }
    known = {torch.bfloat16, torch.float16, torch.float32, torch.float64}
    matrices = (tensor for _, tensor in model.get_tensors() if len(tensor.shape) > 1)
    dtypes = known & {tensor.dtype for tensor in matrices}
    # Where there are several, only 32 bits keep them all.
    return by_dtype.get(dtypes.pop() if len(dtypes) == 1 else None, LlamaFileType.ALL_F32)


@contextmanager
def _naming_the_tokenizer(checkpoint: Path) -> Iterator[None]:
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
def _naming_the_quantization(method: str) -> Iterator[None]:
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
