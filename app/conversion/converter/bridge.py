"""Lay out a checkpoint's tensors with llama.cpp's converter, without reading weights.

The converter is imported from its folder, with the gguf package next to it, so this module and what
it imports belong in a separate process. Code that comes with a checkpoint is never run.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from app.checkpoint.config import read_config
from app.checkpoint.config_values import (
    doubtful_values,
    rope_scaling_method,
)
from app.conversion.config_blame import blaming_config
from app.conversion.converter.converter_errors import reporting_tokenizer_errors
from app.conversion.converter.converter_model import converter_model, lossless_file_type, parts_of
from app.conversion.converter.converter_output import intercepted_writers, layout_of
from app.conversion.converter.converter_process import converting
from app.conversion.converter.converter_warnings import as_notices, collected_warnings
from app.conversion.converter.patches.unread_blocks import leave_blocks_unread
from app.conversion.converter.vocabulary_prefetch import ConvertedVocabulary, VocabularyPrefetch
from app.conversion.layout.layout import Layout
from app.core.errors import NoticeCode
from app.core.events import NoticeReported
from app.core.levels import Level
from app.gguf_file.header_writer import encoded

_SCALING = ".rope.scaling."
_UNKNOWN_SCALING = "Unknown RoPE type: "
_BY_TENSORS = ("longrope", "su", "llama3")


def lay_out(checkpoint: Path, vocabulary: VocabularyPrefetch | None = None) -> Layout:
    """Lay out a checkpoint's language model with the converter, in the model's own type.

    Every tensor stays lazy.

    Args:
        checkpoint: Its folder.
        vocabulary: Where another process makes it.

    Raises:
        AppError: `architecture_unsupported`, `tokenizer_missing`, `tokenizer_unknown`,
            `remote_code_needed`, `quantization_unsupported`, `pickle_refused`, `weights_damaged`,
            `weights_are_holes`, `config_damaged`, `converter_failed`.
    """
    with blaming_config(checkpoint), converting(), collected_warnings() as warnings:
        from conversion import ModelType

        model, notices = converter_model(checkpoint, ModelType.TEXT)
        ftype = lossless_file_type(model)
        known = vocabulary.wait() if vocabulary else None
        for part in parts_of(model):
            part.ftype = ftype
            leave_blocks_unread(part)
            if known is None:
                part.set_vocab = reporting_tokenizer_errors(checkpoint)(part.set_vocab)
            else:
                # It is the last that the converter does, and does nothing else.
                part.set_vocab = lambda: None
        layout = _written(model, "model")
        entries, texts = (known.entries, known.warnings) if known else ({}, ())
        doubts = tuple(_doubts(checkpoint, layout))
        warned = dict.fromkeys((*warnings.texts, *texts))
        if any(doubt.code is NoticeCode.SCALING_LEFT_OUT for doubt in doubts):
            # The converter's own words for the same.
            warned = {text: None for text in warned if not text.startswith(_UNKNOWN_SCALING)}
    tokenizer_file = checkpoint / "tokenizer.json"
    return replace(
        layout,
        metadata={**layout.metadata, **entries},
        notices=(*notices, *layout.notices, *doubts, *as_notices(warned)),
        tokenizer_file=tokenizer_file if tokenizer_file.is_file() else None,
    )


def vocabulary_of(checkpoint: Path) -> ConvertedVocabulary:
    """Convert the architecture and the vocabulary of a checkpoint.

    Needs no torch, for nearly all models.

    Raises:
        AppError: what `lay_out` raises.
    """
    with converting(), collected_warnings() as warnings:
        from conversion import ModelType

        model, _ = converter_model(checkpoint, ModelType.TEXT)
        model.set_vocab()
        # The innermost does the work.
        metadata = parts_of(model)[-1].gguf_writer.kv_data[0]
        return ConvertedVocabulary(encoded(metadata), tuple(warnings.texts))


def lay_out_projector(checkpoint: Path, level: Level) -> Layout:
    """Lay out a checkpoint's multimodal projector with the converter, in the types of a level.

    Raises:
        AppError: `projector_missing`, and what `lay_out` raises.
    """
    with blaming_config(checkpoint), converting(), collected_warnings() as warnings:
        from conversion import ModelType
        from gguf import LlamaFileType

        model, notices = converter_model(checkpoint, ModelType.MMPROJ)
        for part in parts_of(model):
            part.ftype = LlamaFileType(level.ftype)
        layout = _written(model, "mmproj")
        warned = as_notices(warnings.texts)
    return replace(layout, notices=(*notices, *layout.notices, *warned))


def _doubts(checkpoint: Path, layout: Layout) -> Iterator[NoticeReported]:
    config = read_config(checkpoint)
    for finding in doubtful_values(config):
        yield NoticeReported(NoticeCode.CONFIG_DOUBTFUL, {"finding": finding})
    kind = rope_scaling_method(config)
    if kind and not _uses_rope_scaling(layout, kind):
        yield NoticeReported(NoticeCode.SCALING_LEFT_OUT, {"kind": kind})


def _uses_rope_scaling(layout: Layout, kind: str) -> bool:
    """Return whether a file uses RoPE scaling: by its metadata, or by tensors of factors."""
    if any("rope_f" in tensor.name for tensor in layout.tensors):
        return True
    return kind not in _BY_TENSORS and any(_SCALING in key for key in layout.metadata)


def _written(model: Any, kind: str) -> Layout:
    with intercepted_writers() as writers:
        model.write()
    return layout_of(writers, kind)
