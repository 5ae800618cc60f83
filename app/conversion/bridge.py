"""The bridge to llama.cpp's converter: it lays a checkpoint's tensors out, and reads no weight yet.

The converter is imported from its folder, with the gguf package beside it, so this module and what
it imports belong into a process of their own. Code that comes with a checkpoint is never run.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from app.conversion.converter_errors import naming_the_tokenizer
from app.conversion.converter_model import converter_model, sixteen_bit_type
from app.conversion.converter_process import converting
from app.conversion.header import encoded
from app.conversion.layout import LaidOutTensor, Layout
from app.conversion.lazy import evaluated, stored_rows
from app.conversion.unread_blocks import leave_blocks_unread
from app.conversion.vocabulary_ahead import VocabularyAhead
from app.core.levels import Level


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

        model = converter_model(checkpoint, ModelType.TEXT)
        model.ftype = sixteen_bit_type(model)
        leave_blocks_unread(model)
        known = vocabulary.entries() if vocabulary else None
        if known is None:
            model.set_vocab = naming_the_tokenizer(checkpoint)(model.set_vocab)
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

        model = converter_model(checkpoint, ModelType.TEXT)
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

        model = converter_model(checkpoint, ModelType.MMPROJ)
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
