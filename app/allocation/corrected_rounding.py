"""Correct the rounding of the tensors of a file before it is written."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import numpy as np

from app.allocation.file_comparison import compare
from app.allocation.gradient_child import ask
from app.allocation.importance_forms import importance_matrix
from app.allocation.measures import GradientMeasures
from app.allocation.study import Study
from app.allocation.tuning_memory import tuning_threads
from app.conversion.pipeline import Report
from app.conversion.rounded_rows import RoundedRows
from app.conversion.type_choices import TypeChoices
from app.core.allocation_events import FileCompared, RoundingCorrected, ScalesTuned
from app.sensitivity.requests import (
    CorrectedTensors,
    CorrectionRequest,
    QuantizedModel,
    TunedTensors,
    TuningRequest,
)


@dataclass(frozen=True)
class CorrectedFile:
    """The choices that make a file with corrected rounding.

    Attributes:
        choices: The rows that were accepted, and the importance of columns for all others.
        compared: The quality of the file.
    """

    choices: TypeChoices
    compared: FileCompared


def corrected(
    study: Study,
    types: dict[str, int],
    choices: TypeChoices,
    tensors_bytes: int,
    folder: Path,
    report: Report,
    *,
    tunes: bool = False,
) -> CorrectedFile:
    """Round tensors to these types, and leave the rows in `folder`.

    Args:
        study: The checkpoint.
        types: ggml's numbers by the names of tensors.
        choices: The choices behind the types.
        tensors_bytes: The size of all tensors.
        folder: For the rounded rows.
        report: Receives the progress and the result of each part.
        tunes: The block scales and norms are tuned afterwards.

    Raises:
        AppError: `gradients_unavailable`, `tuning_needs_memory`, `disk_full`.
    """
    request = CorrectionRequest(study.measured, types, str(_made(folder / "corrected")))
    correction = ask(request, CorrectedTensors, report)
    report(RoundingCorrected(correction.tried, correction.accepted))
    model = QuantizedModel(types, correction.importance, correction.folders)
    if tunes:
        model = _tuned(study, model, _made(folder / "tuned"), report)
    measures = GradientMeasures(study, report, corrects=True)
    return CorrectedFile(
        replace(
            choices,
            importance=importance_matrix(model.importance),
            rounded={
                name: RoundedRows(Path(place), types[name]) for name, place in model.rounded.items()
            },
            shifts={name: np.frombuffer(shift, np.float32) for name, shift in model.shifts.items()},
        ),
        compare(study, measures, model, tensors_bytes),
    )


def _tuned(study: Study, model: QuantizedModel, folder: Path, report: Report) -> QuantizedModel:
    """Return the model with tuned scales and norms, where held-out text prefers them."""
    source = msgspec.structs.replace(study.measured, threads=tuning_threads(study))
    tuned = ask(TuningRequest(source, model, str(folder)), TunedTensors, report)
    report(ScalesTuned(tuned.before, tuned.after))
    rounded = model.rounded | tuned.folders
    return msgspec.structs.replace(model, rounded=rounded, shifts=tuned.shifts)


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
