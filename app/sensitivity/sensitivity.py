"""Measure the harm of every type for every matrix of a checkpoint, with its gradients."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from app.core.events import Event, Progressed
from app.core.files import temporary_folder
from app.sensitivity.graded_matrices import GradedMatrices
from app.sensitivity.harms import harms_of
from app.sensitivity.passes import single_threaded_pool
from app.sensitivity.requests import Sensitivity, SensitivityRequest


def measure_sensitivity(
    request: SensitivityRequest, report: Callable[[Event], None]
) -> Sensitivity:
    """Run the model up and down, and quantize each matrix to each of its types meanwhile.

    Raises:
        AppError: `gradients_unavailable`, `disk_full`.
    """
    sensitivity = Sensitivity({}, {})
    source = request.source
    done = 0

    def advanced() -> None:
        nonlocal done
        done += 1
        report(Progressed("sensitivity", done, graded.steps))

    with temporary_folder() as scratch, single_threaded_pool(source.threads) as pool:
        graded = GradedMatrices(
            Path(source.checkpoint),
            source.tensors,
            torch.tensor(source.tokens),
            scratch,
            pool,
            advanced,
        )
        for matrix in graded.matrices():
            types = request.types.get(matrix.tensor, ())
            importance = matrix.statistics.importance() if matrix.statistics else None
            harms = harms_of(matrix.weights, importance, matrix.sample, types, pool)
            sensitivity.harms[matrix.tensor] = harms
            if importance is not None:
                sensitivity.importance[matrix.tensor] = importance.numpy().tobytes()
    return sensitivity
