"""Correct the rounding of the tensors of a file before it is written."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from app.allocation.file_comparison import compare
from app.allocation.gradient_child import ask
from app.allocation.importance_forms import importance_matrix
from app.allocation.measures import GradientMeasures
from app.allocation.study import Study
from app.conversion.pipeline import Report
from app.conversion.rounded_rows import RoundedRows
from app.conversion.type_choices import TypeChoices
from app.core.allocation_events import FileCompared
from app.sensitivity.requests import CorrectedTensors, CorrectionRequest, QuantizedModel


@dataclass(frozen=True)
class CorrectedFile:
    """The choices that make a file with corrected rounding.

    Attributes:
        choices: The rows that were accepted, and the importance of columns for all others.
        tried: The number of matrices whose rounding was corrected.
        accepted: The number of those that are better than ggml's on held-out text.
        compared: The quality of the file.
    """

    choices: TypeChoices
    tried: int
    accepted: int
    compared: FileCompared


def corrected(
    study: Study,
    types: dict[str, int],
    choices: TypeChoices,
    tensors_bytes: int,
    folder: Path,
    report: Report,
) -> CorrectedFile:
    """Round tensors to these types, and leave the rows in `folder`.

    Args:
        study: The checkpoint.
        types: ggml's numbers by the names of tensors.
        choices: The choices behind the types.
        tensors_bytes: The size of all tensors.
        folder: For the rounded rows.
        report: Receives the progress.

    Raises:
        AppError: `gradients_unavailable`, `disk_full`.
    """
    request = CorrectionRequest(study.measured, types, str(folder))
    correction = ask(request, CorrectedTensors, report)
    model = QuantizedModel(types, correction.importance, correction.folders)
    rounded = {
        name: RoundedRows(Path(place), types[name]) for name, place in correction.folders.items()
    }
    importance = importance_matrix(correction.importance)
    measures = GradientMeasures(study, report, corrects=True)
    return CorrectedFile(
        replace(choices, importance=importance, rounded=rounded),
        tried=correction.tried,
        accepted=correction.accepted,
        compared=compare(study, measures, model, tensors_bytes),
    )
