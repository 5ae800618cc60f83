"""Check with the hollow file, before weights are read, that llama.cpp will load the result."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from app.conversion.token_comparison import token_difference
from app.core.errors import AppError, ErrorCode
from app.core.events import NoticeReported
from app.core.language import tr
from app.gguf_file.header_reader import read_header
from app.gguf_file.validation import find_fault
from app.native.library import load_llama, log

_TOKENIZER_KEYS = ("tokenizer.ggml.pre", "tokenizer.ggml.model")

_VOCABULARY_FAULT = "error loading model vocabulary: "
_NAMED_FAULTS = {
    # impl::load in src/llama-vocab.cpp looks for "phi-3" and the like in general.name.
    "unordered_map::at": tr(
        "the folder's name makes llama.cpp expect tokens that it lacks; rename the folder"
    )
}


class LoadedVocabulary(NamedTuple):
    """A loaded vocabulary: llama.cpp's tokenizer name, and a difference from the source, if any."""

    tokenizer: str
    difference: NoticeReported | None


def require_loadable(hollow: Path, tokenizer_file: Path | None = None) -> LoadedVocabulary:
    """Have llama.cpp check every tensor's name and shape against the metadata.

    With `tokenizer_file` it splits texts into tokens, too, which should be those of that file.

    Raises:
        AppError: `checkpoint_rejected`, `tokenizer_unknown`.
    """
    header = read_header(hollow)
    if fault := find_fault(header):
        raise AppError(ErrorCode.CHECKPOINT_REJECTED, reason=fault)
    with hollow_model(hollow) as model:
        vocabulary = load_llama().llama_model_get_vocab(model)
        difference = token_difference(vocabulary, tokenizer_file) if tokenizer_file else None
    names = (header.metadata.get(key) for key in _TOKENIZER_KEYS)
    return LoadedVocabulary(str(next((name for name in names if name), "none")), difference)


def _rejected(reason: str) -> AppError:
    before, vocabulary, fault = reason.partition(_VOCABULARY_FAULT)
    if vocabulary and not before:
        return AppError(ErrorCode.TOKENIZER_UNKNOWN, reason=_NAMED_FAULTS.get(fault, fault))
    return AppError(ErrorCode.CHECKPOINT_REJECTED, reason=reason)


@contextmanager
def hollow_model(hollow: Path) -> Iterator[Any]:
    """Provide llama.cpp's model of a hollow file, for its vocabulary; valid inside the block.

    Raises:
        AppError: `checkpoint_rejected`, `tokenizer_unknown`.
    """
    llama = load_llama()
    parameters = llama.llama_model_default_params()
    parameters.no_alloc = True
    # llama.cpp aborts when a mapped file is loaded without allocation.
    parameters.load_mode = llama.LLAMA_LOAD_MODE_NONE
    parameters.use_extra_bufts = False
    parameters.n_gpu_layers = 0
    with log.recording():
        model = llama.llama_model_load_from_file(os.fsencode(hollow), parameters)
    if not model:
        raise _rejected(log.reason())
    try:
        yield model
    finally:
        llama.llama_model_free(model)
