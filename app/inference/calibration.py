"""Makes an importance matrix: the model reads a text, and what its weights meet is added up.

This follows llama-imatrix (tools/imatrix/imatrix.cpp): the same chunks, the same matrix products.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from app.core.errors import AppError, ErrorCode
from app.core.events import Progressed
from app.inference.activations import GatheredActivations
from app.inference.loading import LoadedModel, LoadWishes, Report, load_model
from app.inference.probe import engine_setting
from app.inference.vocabulary import Vocabulary
from app.inference.worker import STACK_BYTES
from app.library.facts import facts_of, read_headers
from app.library.sanity import require_sane
from app.native.importance_matrix import ImportanceMatrix
from app.native.library import load_llama

_CHUNK_TOKENS = 512
_FEWEST_CHUNKS = 2


def calibrate(
    model: Path,
    text: str,
    report: Report,
    *,
    dataset: str = "",
    threads: int | None = None,
    gpu_layers: int | None = None,
) -> ImportanceMatrix:
    """Let the GGUF file `model` read `text`, and gather its importance matrix.

    The text is read in chunks of 512 tokens, or of as many as the model was trained for if those
    are fewer; what is left at its end is not read. `dataset` is the name that the matrix bears.

    Raises:
        AppError: `calibration_text_short`, `model_rejected` also when its weights give values that
            are not numbers, and what loading a model raises.
    """
    gathered = GatheredActivations()
    wishes = _wishes(model, threads, gpu_layers, gathered, report)
    with _loaded(wishes, report) as loaded:
        chunks = _chunks(Vocabulary(loaded.model), text, wishes.context)
        size_bytes = len(text.encode("utf-8", "replace"))
        for number, chunk in enumerate(chunks):
            report(Progressed("calibrate", number * size_bytes // len(chunks), size_bytes))
            _evaluate(loaded, chunk, model.name)
            gathered.require_numbers(model.name)
        report(Progressed("calibrate", size_bytes, size_bytes))
    datasets = (dataset,) if dataset else ()
    return ImportanceMatrix(gathered.entries(), len(chunks), wishes.context, datasets)


def _wishes(
    model: Path,
    threads: int | None,
    gpu_layers: int | None,
    gathered: GatheredActivations,
    report: Report,
) -> LoadWishes:
    headers = read_headers(model)
    require_sane(*headers)
    facts = facts_of(headers)
    wishes = LoadWishes(
        model=facts.path,
        layers=facts.layers,
        context=min(_CHUNK_TOKENS, facts.context or _CHUNK_TOKENS),
        trained_context=facts.context,
        gpu_layers=gpu_layers,
        threads=threads,
        threads_batch=threads,
        evaluation_callback=gathered.callback,
    )
    return engine_setting(report).applied_to(wishes)


@contextmanager
def _loaded(wishes: LoadWishes, report: Report) -> Iterator[LoadedModel]:
    llama = load_llama()
    loaded = load_model(wishes, report)
    try:
        yield loaded
    finally:
        llama.llama_free(loaded.context)
        llama.llama_model_free(loaded.model)


def _chunks(vocabulary: Vocabulary, text: str, chunk_tokens: int) -> list[list[int]]:
    """The text in chunks that each begin as a text does."""
    begin = vocabulary.begin_token()
    tokens = _tokenize(vocabulary, text)
    if begin is not None:
        tokens.insert(0, begin)
    count, needed = len(tokens) // chunk_tokens, _FEWEST_CHUNKS * chunk_tokens
    if count < _FEWEST_CHUNKS:
        raise AppError(ErrorCode.CALIBRATION_TEXT_SHORT, tokens=len(tokens), needed=needed)
    starts = range(0, count * chunk_tokens, chunk_tokens)
    if begin is not None:
        for start in starts:
            tokens[start] = begin
    return [tokens[start : start + chunk_tokens] for start in starts]


def _tokenize(vocabulary: Vocabulary, text: str) -> list[int]:
    # What looks like a control token in the text is a part of it, as for llama-imatrix.
    usual = threading.stack_size(STACK_BYTES)
    try:
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(vocabulary.tokenize, text, with_control_tokens=False).result()
    finally:
        threading.stack_size(usual)


def _evaluate(loaded: LoadedModel, tokens: Sequence[int], name: str) -> None:
    llama = load_llama()
    llama.llama_memory_clear(llama.llama_get_memory(loaded.context), True)
    array = (llama.llama_token * len(tokens))(*tokens)
    batch = llama.llama_batch_get_one(array, len(array))
    # With the output of the last token alone, the last layer would skip all the others.
    batch.logits = (ctypes.c_int8 * len(tokens))(*[1] * len(tokens))
    if status := llama.llama_decode(loaded.context, batch):
        reason = f"evaluation failed with status {status}"
        raise AppError(ErrorCode.MODEL_REJECTED, model=name, reason=reason)
