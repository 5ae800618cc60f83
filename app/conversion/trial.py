"""Whether llama.cpp will load the result: tried on the hollow file, before a weight is read."""

from __future__ import annotations

import os
from pathlib import Path

from app.core.errors import AppError, ErrorCode
from app.library.header import read_header
from app.library.sanity import find_fault
from app.native.library import load_llama, log

_TOKENIZER_KEYS = ("tokenizer.ggml.pre", "tokenizer.ggml.model")


def require_loadable(hollow: Path) -> str:
    """Let llama.cpp check every tensor's name and shape against the metadata.

    Gives the name that it has for the tokenizer.

    Raises:
        AppError: `checkpoint_rejected`.
    """
    header = read_header(hollow)
    reason = find_fault(header) or _refusal(hollow)
    if reason is not None:
        raise AppError(ErrorCode.CHECKPOINT_REJECTED, reason=reason)
    names = (header.metadata.get(key) for key in _TOKENIZER_KEYS)
    return str(next((name for name in names if name), "none"))


def _refusal(hollow: Path) -> str | None:
    llama = load_llama()
    parameters = llama.llama_model_default_params()
    parameters.no_alloc = True
    # A mapped file can't go without memory of its own: llama.cpp aborts.
    parameters.load_mode = llama.LLAMA_LOAD_MODE_NONE
    parameters.use_extra_bufts = False
    parameters.n_gpu_layers = 0
    with log.recording():
        model = llama.llama_model_load_from_file(os.fsencode(hollow), parameters)
    if not model:
        return log.reason()
    llama.llama_model_free(model)
    return None
