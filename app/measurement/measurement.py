"""Measure a model on a text: perplexity, divergence from a reference, speed, memory.

Perplexity is computed as in llama-perplexity (llama.cpp, tools/perplexity/perplexity.cpp): each
chunk is read from its beginning, and only the tokens of its second half count, which have context.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import repeat

from app.core.errors import AppError, ErrorCode
from app.core.events import Progressed
from app.core.language import tr
from app.inference.loading.loaded_model import LoadRequest, Report
from app.measurement.chunk_reader import Reader, open_reader
from app.measurement.measured_speed import MeasuredSpeed, measure_speed
from app.measurement.peak_memory import peak_memory_bytes
from app.measurement.scores import Divergence, Scores
from app.measurement.text_chunks import text_chunks
from app.measurement.texts.rendered_text import RenderedText


@dataclass(frozen=True)
class MeasurementRequest:
    """A text to read in chunks of `chunk_tokens`, at most `max_chunks` of them.

    `reference` is the model to compare with; it must have the same vocabulary.
    """

    model: LoadRequest
    reference: LoadRequest | None
    text: RenderedText
    chunk_tokens: int
    max_chunks: int | None = None


@dataclass(frozen=True)
class Measurement:
    """The results over a number of chunks.

    `peak_memory_bytes` is that of this process before the reference is loaded.
    """

    chunks: int
    perplexity: float
    divergence: Divergence | None
    speed: MeasuredSpeed
    peak_memory_bytes: int


def measure(request: MeasurementRequest, report: Report) -> Measurement:
    """Load a model and measure it; the reference is loaded alongside.

    Raises:
        AppError: `text_short`, `model_without_text`, `model_rejected` (also if the weights give
            values that are not numbers), and errors of loading a model.
    """
    size_bytes = request.text.size_bytes
    with open_reader(request.model, report) as model:
        chunks = text_chunks(model.vocabulary, request.text, request.chunk_tokens)
        report(Progressed("speed", 0, 0))
        speed, peak_bytes = measure_speed(model), peak_memory_bytes()
        with _opened_reference(request.reference, report) as reference:
            scores = Scores()
            chosen = chunks[: request.max_chunks]
            for number, chunk in enumerate(chosen):
                report(Progressed("measure", number * size_bytes // len(chosen), size_bytes))
                _score(chunk, model, reference, scores)
    report(Progressed("measure", size_bytes, size_bytes))
    measured = Measurement(len(chosen), scores.perplexity, scores.divergence, speed, peak_bytes)
    _require_numbers(measured, request.model.model.path.name)
    return measured


def _opened_reference(
    load_request: LoadRequest | None, report: Report
) -> AbstractContextManager[Reader | None]:
    return nullcontext() if load_request is None else open_reader(load_request, report)


def _score(chunk: Sequence[int], model: Reader, reference: Reader | None, scores: Scores) -> None:
    expected = repeat(None) if reference is None else reference.predictions(chunk)
    # A chunk's last token has no successor to score.
    following = chunk[len(chunk) // 2 + 1 :]
    for logits, reference_logits in zip(model.predictions(chunk), expected, strict=False):
        scores.add(following[: len(logits)], logits, reference_logits)
        following = following[len(logits) :]


def _require_numbers(measured: Measurement, name: str) -> None:
    distance = measured.divergence.mean if measured.divergence else 0
    if not (math.isfinite(measured.perplexity) and math.isfinite(distance)):
        reason = tr("its weights give values that are not numbers")
        raise AppError(ErrorCode.MODEL_REJECTED, model=name, reason=reason)
