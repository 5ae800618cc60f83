"""The importance matrix of a conversion: read from a file, or made from a text."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from app.cli.text_choice import BUILTIN, dataset_of, read_choice
from app.core import leftovers
from app.core.events import Event, LevelPlanned
from app.core.levels import COPY, Level, level_named
from app.jobs.reporter import Reporter
from app.library.importance_matrices import MATRIX_SUFFIX

if TYPE_CHECKING:
    from app.conversion.conversion_request import ConversionRequest
    from app.conversion.sources import Source
    from app.conversion.type_choices import TypeChoices

_CALIBRATED_LEVEL = level_named("BF16")
_SIXTEEN_BITS = 16


def with_importance(
    choices: TypeChoices, arguments: argparse.Namespace, source: Source
) -> TypeChoices:
    """Add the importance matrix of `--imatrix`, or the metadata of the one yet to be made.

    Raises:
        AppError: the file can't be read.
    """
    from app.conversion.importance_metadata import (
        expected_importance_metadata,
        importance_metadata_of,
    )
    from app.native.importance_matrix import read_importance_matrix

    file: Path | None = arguments.imatrix
    text: Path | None = arguments.calibration
    if file:
        matrix = read_importance_matrix(file)
        return replace(
            choices, importance=matrix, provenance=importance_metadata_of(matrix, file.name)
        )
    if text:
        return replace(
            choices,
            provenance=expected_importance_metadata(_kept_name(source), dataset_of(text)),
        )
    return choices


def calibrated(
    request: ConversionRequest, converter: Path, text: Path, reporter: Reporter
) -> ConversionRequest:
    """Make an importance matrix from the source, save it next to the result and add it.

    The model reads the text in 16 bits, or as it is if its weights have fewer, from a temporary
    file.

    Raises:
        AppError: the conversion or the calibration failed.
    """
    from app.conversion.importance_metadata import importance_metadata_of
    from app.conversion.pipeline import convert
    from app.conversion.type_choices import NO_CHOICES
    from app.gguf_file.model import read_sane_model
    from app.measurement.calibration import calibrate
    from app.native.importance_matrix import save_importance_matrix

    chosen = read_choice(text, reporter)
    model = request.folder / f"{_stem(request.source)}.calibration.gguf.part"
    level = _calibrated_level(request, converter)
    whole = replace(request, levels=(level,), file=model, replaces=True, choices=NO_CHOICES)
    with leftovers.noted(model):
        try:
            convert(whole, converter, reporter.report)
            words = chosen.rendered_for(read_sane_model(model), "calibration", reporter)
            matrix = calibrate(
                model,
                words,
                reporter.report,
                dataset=dataset_of(text),
                only_needed=text == BUILTIN,
                threads=request.threads,
            )
        finally:
            model.unlink(missing_ok=True)
    name = _kept_name(request.source)
    save_importance_matrix(request.folder / name, matrix)
    made = replace(
        request.choices, importance=matrix, provenance=importance_metadata_of(matrix, name)
    )
    return replace(request, choices=made)


def _calibrated_level(request: ConversionRequest, converter: Path) -> Level:
    """Check the whole request, then return the level at which the model reads the text.

    Raises:
        AppError: the conversion would be refused.
    """
    from app.conversion.pipeline import convert

    planned: dict[str, LevelPlanned] = {}

    def note(event: Event) -> None:
        if isinstance(event, LevelPlanned):
            planned[event.level] = event

    levels = tuple(dict.fromkeys((*request.levels, COPY)))
    convert(replace(request, levels=levels, is_dry_run=True), converter, note)
    is_smaller = planned[COPY.name].bits_per_weight < _SIXTEEN_BITS
    return COPY if is_smaller else _CALIBRATED_LEVEL


def _kept_name(source: Source) -> str:
    return f"{_stem(source)}{MATRIX_SUFFIX}"


def _stem(source: Source) -> str:
    """Return the common prefix of the names of all files made from a source."""
    level = _CALIBRATED_LEVEL
    return source.file_name(level).removesuffix(f"-{level.name}.gguf")
