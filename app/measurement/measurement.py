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

    `reference` is the model to compare with; it must have the same vocabulary. Without a text
    only the speed and the memory are measured, and without `measures_speed` only the quality.
    """

    model: LoadRequest
    reference: LoadRequest | None
    text: RenderedText | None
    chunk_tokens: int
    max_chunks: int | None = None
    measures_speed: bool = True


@dataclass(frozen=True)
class Measurement:
    """The results over a number of chunks; a part that was not measured is None.

    `peak_memory_bytes` is that of this process before the reference is loaded.
    """

    chunks: int
    perplexity: float | None
    divergence: Divergence | None
    speed: MeasuredSpeed | None
    peak_memory_bytes: int | None


def measure(request: MeasurementRequest, report: Report) -> Measurement:
    """Load a model and measure it; the reference is loaded alongside.

    Raises:
        AppError: `text_short`, `model_without_text`, `model_rejected` (also if the weights give
            values that are not numbers), and errors of loading a model.
    """
    speed, peak_bytes, scores = None, None, None
    chunks: Sequence[Sequence[int]] = ()
    with open_reader(request.model, report) as model:
        if request.text is not None:
            # A text that is too short is refused before anything is measured.
            chunks = text_chunks(model.vocabulary, request.text, request.chunk_tokens)
            chunks = chunks[: request.max_chunks]
        if request.measures_speed:
            report(Progressed("speed", 0, 0))
            speed, peak_bytes = measure_speed(model), peak_memory_bytes()
        if request.text is not None:
            size_bytes = request.text.size_bytes
            with _opened_reference(request.reference, report) as reference:
                scores = _scores(chunks, model, reference, size_bytes, report)
    measured = Measurement(
        chunks=len(chunks),
        perplexity=scores.perplexity if scores else None,
        divergence=scores.divergence if scores else None,
        speed=speed,
        peak_memory_bytes=peak_bytes,
    )
    _require_numbers(measured, request.model.model.path.name)
    return measured


def _scores(
    chunks: Sequence[Sequence[int]],
    model: Reader,
    reference: Reader | None,
    size_bytes: int,
    report: Report,
) -> Scores:
    scores = Scores()
    for number, chunk in enumerate(chunks):
        report(Progressed("measure", number * size_bytes // len(chunks), size_bytes))
        _score(chunk, model, reference, scores)
    report(Progressed("measure", size_bytes, size_bytes))
    return scores


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
    perplexity = measured.perplexity or 0
    distance = measured.divergence.mean if measured.divergence else 0
    if not (math.isfinite(perplexity) and math.isfinite(distance)):
        reason = tr("its weights give values that are not numbers")
        raise AppError(ErrorCode.MODEL_REJECTED, model=name, reason=reason)
