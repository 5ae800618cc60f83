"""The importance matrix for a conversion: read from a file, or made from a text on the way."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from app.cli.values import read_text
from app.core import leftovers
from app.core.levels import level_named
from app.jobs.reporter import Reporter

if TYPE_CHECKING:
    from app.conversion.choices import TypeChoices
    from app.conversion.job import ConversionRequest
    from app.conversion.sources import Source

_CALIBRATED_LEVEL = level_named("BF16")


def with_importance(
    choices: TypeChoices, arguments: argparse.Namespace, source: Source
) -> TypeChoices:
    """The choices with the importance matrix that is asked for: read, or yet to be made.

    Raises:
        AppError: what reading it raises.
    """
    from app.conversion.provenance import expected_provenance, provenance_of
    from app.native.importance_matrix import read_importance_matrix

    file: Path | None = arguments.imatrix
    text: Path | None = arguments.calibration
    if file:
        matrix = read_importance_matrix(file)
        return replace(choices, importance=matrix, provenance=provenance_of(matrix, file.name))
    if text:
        return replace(choices, provenance=expected_provenance(_kept_name(source), text.name))
    return choices


def calibrated(
    request: ConversionRequest, converter: Path, text: Path, reporter: Reporter
) -> ConversionRequest:
    """The request with an importance matrix made of its source, which is kept beside the result.

    The model reads the text in 16 bits, from a file that is gone afterwards.

    Raises:
        AppError: what conversion and calibration raise.
    """
    from app.conversion.choices import NO_CHOICES
    from app.conversion.job import convert
    from app.conversion.provenance import provenance_of
    from app.inference.calibration import calibrate
    from app.native.importance_matrix import save_importance_matrix

    words = read_text(text)
    model = request.folder / f"{_stem(request.source)}.calibration.gguf.part"
    whole = replace(
        request, levels=(_CALIBRATED_LEVEL,), file=model, replaces=True, choices=NO_CHOICES
    )
    # What can't be made is said before the calibration, which takes its time.
    convert(replace(request, is_dry_run=True), converter, lambda _: None)
    with leftovers.noted(model):
        try:
            convert(whole, converter, reporter.report)
            matrix = calibrate(
                model, words, reporter.report, dataset=text.name, threads=request.threads
            )
        finally:
            model.unlink(missing_ok=True)
    name = _kept_name(request.source)
    save_importance_matrix(request.folder / name, matrix)
    made = replace(request.choices, importance=matrix, provenance=provenance_of(matrix, name))
    return replace(request, choices=made)


def _kept_name(source: Source) -> str:
    return f"{_stem(source)}.imatrix.gguf"


def _stem(source: Source) -> str:
    """What the names of all files made of a source begin with."""
    level = _CALIBRATED_LEVEL
    return source.file_name(level).removesuffix(f"-{level.name}.gguf")
