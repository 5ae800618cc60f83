"""The importance matrix for a conversion: read from a file, or made from a text on the way."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from app.cli.values import read_text
from app.core import leftovers
from app.core.levels import level_named
from app.jobs.reporter import Reporter

if TYPE_CHECKING:
    from app.conversion.job import ConversionRequest
    from app.native.importance_matrix import ImportanceMatrix

_CALIBRATED_LEVEL = "BF16"


def calibrated(
    request: ConversionRequest, converter: Path, text: Path, reporter: Reporter
) -> ImportanceMatrix:
    """Make an importance matrix of a checkpoint; it is kept beside the result.

    The model reads the text in 16 bits, from a file that is gone afterwards.

    Raises:
        AppError: what conversion and calibration raise.
    """
    from app.conversion.job import convert
    from app.inference.calibration import calibrate
    from app.native.importance_matrix import save_importance_matrix

    words = read_text(text)
    level = level_named(_CALIBRATED_LEVEL)
    name = request.source.file_name(level).removesuffix(f"-{level.name}.gguf")
    model = request.folder / f"{name}.calibration.gguf.part"
    with leftovers.noted(model):
        try:
            whole = replace(request, levels=(level,), file=model, replaces=True, is_dry_run=False)
            convert(whole, converter, reporter.report)
            matrix = calibrate(
                model, words, reporter.report, dataset=text.name, threads=request.threads
            )
        finally:
            model.unlink(missing_ok=True)
    save_importance_matrix(request.folder / f"{name}.imatrix.gguf", matrix)
    return matrix
