"""Correct the rounding of the tensors of a file before it is written."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from app.allocation.allocation import importance_matrix
from app.allocation.gradient_child import ask
from app.allocation.study import Study
from app.conversion.pipeline import Report
from app.conversion.rounded_rows import RoundedRows
from app.conversion.type_choices import TypeChoices
from app.sensitivity.requests import (
    CorrectedTensors,
    CorrectionRequest,
    DivergenceRequest,
    MeasuredDivergence,
)


@dataclass(frozen=True)
class CorrectedFile:
    """The choices that make a file with corrected rounding.

    Attributes:
        choices: The rows that were accepted, and the importance of columns for all others.
        tried: The number of tensors whose rounding was corrected.
        accepted: The number of those that are better than ggml's on held-out text.
        divergence: The mean KL divergence of the file, in nats, as measured with torch.
    """

    choices: TypeChoices
    tried: int
    accepted: int
    divergence: float


def corrected(
    study: Study, types: dict[str, int], choices: TypeChoices, folder: Path, report: Report
) -> CorrectedFile:
    """Round tensors to these types, and leave the rows in `folder`.

    Raises:
        AppError: `gradients_unavailable`, `disk_full`.
    """
    correction = ask(
        CorrectionRequest(study.measured, types, str(folder)), CorrectedTensors, report
    )
    folders = {name: one.folder for name, one in correction.tensors.items() if one.folder}
    request = DivergenceRequest(study.checked, types, correction.importance, folders)
    found = ask(request, MeasuredDivergence, report)
    rounded = {name: RoundedRows(Path(place), types[name]) for name, place in folders.items()}
    importance = importance_matrix(correction.importance)
    return CorrectedFile(
        replace(choices, importance=importance, rounded=rounded),
        tried=len(correction.tensors),
        accepted=len(folders),
        divergence=found.mean,
    )
