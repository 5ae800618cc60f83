"""Compute an importance matrix: the model reads a text, and the activations are summed.

Follows llama-imatrix (tools/imatrix/imatrix.cpp): the same chunks, the same matrix products.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Sequence
from pathlib import Path

from app.core.errors import AppError, ErrorCode
from app.core.events import Progressed
from app.core.language import tr
from app.core.load_options import LoadOptions
from app.gguf_file.model import Model, read_sane_model
from app.inference.loading.loaded_model import LoadedModel, LoadRequest, Report, opened_model
from app.inference.self_test.probe import working_options
from app.inference.tokens.vocabulary import Vocabulary
from app.measurement.activations import GatheredActivations
from app.measurement.text_chunks import DEFAULT_CHUNK_TOKENS, text_chunks
from app.measurement.texts.rendered_text import RenderedText
from app.measurement.texts.text_length import shortage_of, tokens_needed, widest_matrix
from app.native.importance_matrix import ImportanceMatrix
from app.native.library import load_llama


def calibrate(
    model: Path,
    text: RenderedText,
    report: Report,
    *,
    dataset: str = "",
    only_needed: bool = False,
    threads: int | None = None,
    gpu_layers: int | None = None,
) -> ImportanceMatrix:
    """Run the GGUF file `model` on `text`, and return its importance matrix.

    The text is read in chunks of 512 tokens, or of the trained context if that is smaller; an
    incomplete last chunk is left out. With `only_needed`, a long text is read only as far as the
    model needs it; one that is short for the model is reported. `dataset` is stored as the name of
    the text.

    Raises:
        AppError: `text_short`, `model_rejected` (also if the weights result in values that are not
            numbers), and errors of loading a model.
    """
    gathered = GatheredActivations()
    load_request = _load_request(model, threads, gpu_layers, gathered, report)
    with opened_model(load_request, report) as loaded:
        chunks = text_chunks(Vocabulary(loaded.model), text, load_request.context)
        width = _width_of(load_request.model)
        if notice := shortage_of(len(chunks) * load_request.context, width):
            report(notice)
        if only_needed:
            chunks = chunks[: math.ceil(tokens_needed(width) / load_request.context)]
        size_bytes = text.size_bytes
        for number, chunk in enumerate(chunks):
            report(Progressed("calibrate", number * size_bytes // len(chunks), size_bytes))
            _gather(gathered, loaded, chunk, model.name)
        report(Progressed("calibrate", size_bytes, size_bytes))
    datasets = (dataset,) if dataset else ()
    return ImportanceMatrix(gathered.entries(), len(chunks), load_request.context, datasets)


def calibrate_on(
    model: Path, chunks: Sequence[Sequence[int]], report: Report, *, threads: int
) -> ImportanceMatrix:
    """Run the GGUF file `model` on chunks of tokens, and return its importance matrix.

    Raises:
        AppError: as `calibrate`, except `text_short`.
    """
    gathered = GatheredActivations()
    load_request = _load_request(model, threads, None, gathered, report)
    with opened_model(load_request, report) as loaded:
        for chunk in chunks:
            _gather(gathered, loaded, chunk[: load_request.context], model.name)
    return ImportanceMatrix(gathered.entries(), len(chunks), load_request.context)


def _width_of(model: Model) -> int:
    return widest_matrix(tensor for header in model.headers for tensor in header.tensors)


def _load_request(
    model: Path,
    threads: int | None,
    gpu_layers: int | None,
    gathered: GatheredActivations,
    report: Report,
) -> LoadRequest:
    opened = read_sane_model(model)
    options = LoadOptions(
        context=min(DEFAULT_CHUNK_TOKENS, opened.info.context or DEFAULT_CHUNK_TOKENS),
        gpu_layers=gpu_layers,
        threads=threads,
        threads_batch=threads,
    )
    return LoadRequest(
        model=opened,
        options=working_options(options, report),
        all_outputs=True,
        evaluation_callback=gathered.callback,
    )


def _gather(
    gathered: GatheredActivations, loaded: LoadedModel, tokens: Sequence[int], name: str
) -> None:
    llama = load_llama()
    llama.llama_memory_clear(llama.llama_get_memory(loaded.context), True)
    array = (llama.llama_token * len(tokens))(*tokens)
    batch = llama.llama_batch_get_one(array, len(array))
    # With the output of only the last token, the last layer would skip all others.
    batch.logits = (ctypes.c_int8 * len(tokens))(*[1] * len(tokens))
    if status := llama.llama_decode(loaded.context, batch):
        reason = tr("evaluation failed with status {status}", status=status)
        raise AppError(ErrorCode.MODEL_REJECTED, model=name, reason=reason)
    gathered.require_finite(name)
