"""`gristmill measure`: measure the quality, speed and memory of a model on this machine."""

from __future__ import annotations

import argparse
import datetime
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from app.cli.load_arguments import add_load_arguments, given_options
from app.cli.text_choice import BUILTIN, dataset_of, read_choice, text_choice
from app.cli.values import (
    LARGEST,
    MIN_CHUNK_TOKENS,
    chunk_tokens,
    positive,
)
from app.core.errors import AppError, ErrorDetails, NoticeCode
from app.core.events import Finished, NoticeReported
from app.core.language import tr
from app.core.load_options import LOAD_FIELDS, LoadValue
from app.core.sentences import describe_error
from app.core.settings import Settings, load_settings
from app.core.sizes import format_bytes
from app.jobs.reporter import Reporter
from app.measurement.store import (
    Comparison,
    MeasuredText,
    StoredMeasurement,
    fingerprint_of,
    save_measurement,
)

if TYPE_CHECKING:
    from app.gguf_file.model import Model
    from app.inference.loading.loaded_model import LoadRequest
    from app.measurement.measurement import Measurement, MeasurementRequest
    from app.measurement.texts.rendered_text import RenderedText

NAME = "measure"
HELP = tr("Measure a model: perplexity, KL divergence from a reference, speed and memory.")
_ROWS: dict[str, tuple[str, str]] = {
    "perplexity": (tr("perplexity"), "{:.4f}"),
    "kl_divergence.mean": (tr("KL divergence, mean"), "{:.6f}"),
    "kl_divergence.median": (tr("KL divergence, median"), "{:.6f}"),
    "kl_divergence.p999": (tr("KL divergence, 99.9th percentile"), "{:.6f}"),
    "top_token_agreement": (tr("same most likely token"), "{:.2%}"),
    "prompt_tokens_per_second": (tr("prompt, tokens per second"), "{:.1f}"),
    "generation_tokens_per_second": (tr("generation, tokens per second"), "{:.1f}"),
}
"""The label and format of each figure in the table, except the peak memory."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("model", help=tr("a .gguf file, or a name from “gristmill models”"))
    parser.add_argument(
        "--text",
        type=text_choice,
        default=BUILTIN,
        metavar="FILE",
        help=tr(
            "the text that the model predicts; default: “builtin”, the part of the built-in text "
            "that importance matrices are not made from"
        ),
    )
    parser.add_argument(
        "--reference",
        metavar="REF",
        help=tr("the same model in 16 bits, to measure the KL divergence from it"),
    )
    parser.add_argument(
        "--chunks",
        type=positive,
        metavar="N",
        help=tr("use only the first N chunks of the text; default: all"),
    )
    parser.add_argument(
        "--context", type=chunk_tokens, metavar="N", help=tr("tokens per chunk; default: 512")
    )
    parser.add_argument(
        "--only",
        choices=("quality", "speed"),
        metavar="PART",
        help=tr(
            "quality (perplexity and KL divergence) or speed (with peak memory); default: both. "
            "What was measured before is kept"
        ),
    )
    parser.add_argument("--json", action="store_true", help=tr("print one JSON object"))
    add_load_arguments(parser, [name for name in LOAD_FIELDS if name != "context"])


def run(arguments: argparse.Namespace, reporter: Reporter) -> None:
    """Measure the model, then print and save the figures.

    Raises:
        AppError: a file can't be read or measured, or the engine failed.
    """
    from app.library.index import find_model
    from app.library.model_places import library_places
    from app.measurement.eligibility import measurable_models
    from app.measurement.measurement import measure
    from app.profiling.dry_load import ContextSetup
    from app.profiling.speed_profile import record_speed

    settings, _ = load_settings()
    has_quality = arguments.only != "speed"
    text = read_choice(arguments.text, reporter) if has_quality else None
    places = library_places(settings)
    model = find_model(arguments.model, places)
    has_reference = has_quality and arguments.reference
    reference = find_model(arguments.reference, places) if has_reference else None
    models = measurable_models(model, reference)
    words = text.rendered_for(models[0], "held_out", reporter) if text else None
    request = _request(arguments, words, models, settings, reporter)
    fingerprint = fingerprint_of(model)
    measured = measure(request, reporter.report)
    try:
        save_measurement(model, fingerprint, _to_store(request, measured, arguments.text))
        if measured.speed is not None and measured.speed.is_disturbed:
            reporter.report(NoticeReported(NoticeCode.SPEED_DISTURBED, {"model": model.name}))
        elif measured.speed is not None:
            record_speed(
                request.model.model,
                request.model.options,
                ContextSetup(workers=request.model.workers),
                prompt_tokens_per_second=measured.speed.prompt,
                generation_tokens_per_second=measured.speed.generation,
            )
    except AppError as error:
        reason = describe_error(error.code, error.details)
        details: ErrorDetails = {"model": model.name, "reason": reason}
        reporter.report(NoticeReported(NoticeCode.MEASUREMENT_NOT_KEPT, details))
    figures = figures_of(measured)
    lines = (json.dumps(_nested(figures)),) if arguments.json else _table(figures)
    reporter.report(Finished(lines, figures))


def figures_of(measured: Measurement) -> ErrorDetails:
    """Return the figures by name, without those of parts that were not measured."""
    figures: ErrorDetails = {}
    if measured.perplexity is not None:
        figures["perplexity"] = measured.perplexity
    if measured.divergence is not None:
        figures |= {
            "kl_divergence.mean": measured.divergence.mean,
            "kl_divergence.median": measured.divergence.median,
            "kl_divergence.p999": measured.divergence.p999,
            "top_token_agreement": measured.divergence.top_token_agreement,
        }
    if measured.speed is not None and measured.peak_memory_bytes is not None:
        figures |= {
            "prompt_tokens_per_second": measured.speed.prompt,
            "generation_tokens_per_second": measured.speed.generation,
            "peak_memory_bytes": measured.peak_memory_bytes,
        }
    return figures


def _to_store(request: MeasurementRequest, measured: Measurement, text: Path) -> StoredMeasurement:
    measured_text, comparison = None, None
    if request.text is not None:
        measured_text = MeasuredText(
            name=_as_text(dataset_of(text)),
            sha256=hashlib.sha256(request.text.text.encode("utf-8", "replace")).hexdigest(),
            chunks=measured.chunks,
            chunk_tokens=request.chunk_tokens,
        )
    if measured_text and request.reference is not None and measured.divergence is not None:
        found = measured.divergence
        comparison = Comparison(
            reference=_as_text(request.reference.model.path.name),
            text=measured_text,
            mean=found.mean,
            median=found.median,
            p999=found.p999,
            top_token_agreement=found.top_token_agreement,
        )
    return StoredMeasurement(
        text=measured_text,
        perplexity=measured.perplexity,
        prompt_tokens_per_second=measured.speed.prompt if measured.speed else None,
        generation_tokens_per_second=measured.speed.generation if measured.speed else None,
        peak_memory_bytes=measured.peak_memory_bytes,
        comparison=comparison,
        is_disturbed=measured.speed is not None and measured.speed.is_disturbed,
        date=datetime.datetime.now(datetime.UTC).date().isoformat(),
    )


def _as_text(name: str) -> str:
    # A file name may have bytes that are not UTF-8.
    return name.encode("utf-8", "replace").decode()


def _request(
    arguments: argparse.Namespace,
    text: RenderedText | None,
    models: Sequence[Model],
    settings: Settings,
    reporter: Reporter,
) -> MeasurementRequest:
    from app.measurement.measurement import MeasurementRequest
    from app.measurement.text_chunks import DEFAULT_CHUNK_TOKENS

    trained = min((model.info.context for model in models if model.info.context), default=LARGEST)
    usual = min(DEFAULT_CHUNK_TOKENS, trained)
    chunk_tokens = arguments.context or usual
    # The speed test always uses the usual number of tokens, even if the chunks are shorter.
    context = max(chunk_tokens, usual)
    given = given_options(arguments) | {"context": context}
    requests = [_load_request(model, given, settings, reporter) for model in models]
    return MeasurementRequest(
        model=requests[0],
        reference=requests[1] if len(requests) > 1 else None,
        text=text,
        chunk_tokens=max(MIN_CHUNK_TOKENS, min(chunk_tokens, trained)),
        max_chunks=arguments.chunks,
        measures_speed=arguments.only != "quality",
    )


def _load_request(
    model: Model,
    given: Mapping[str, LoadValue],
    settings: Settings,
    reporter: Reporter,
) -> LoadRequest:
    from app.inference.loading.loaded_model import LoadRequest
    from app.inference.self_test.probe import working_options

    options = msgspec.structs.replace(settings.options_for(model.path), **given)
    return LoadRequest(
        model=model,
        options=working_options(options, reporter.report),
        workers=settings.workers,
        all_outputs=True,
    )


def _nested(figures: ErrorDetails) -> dict[str, Any]:
    """Nest figures for JSON: `a.b` becomes the key `b` of the object `a`."""
    nested: dict[str, Any] = {}
    for name, figure in figures.items():
        group, dot, rest = name.partition(".")
        if dot:
            nested.setdefault(group, {})[rest] = figure
        else:
            nested[name] = figure
    return nested


def _table(figures: ErrorDetails) -> tuple[str, ...]:
    rows = [
        (words, form.format(figures[name]))
        for name, (words, form) in _ROWS.items()
        if name in figures
    ]
    if "peak_memory_bytes" in figures:
        rows.append((tr("peak memory"), format_bytes(float(figures["peak_memory_bytes"]))))
    return tuple(f"{words:<34}{figure:>12}" for words, figure in rows)
