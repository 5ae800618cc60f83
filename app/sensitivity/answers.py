"""Answer the requests to the process that computes gradients."""

from __future__ import annotations

from collections.abc import Callable

from app.core.events import Event
from app.sensitivity.correction import correct_rounding
from app.sensitivity.machine_rates import machine_rates
from app.sensitivity.model_comparison import compare_models
from app.sensitivity.requests import (
    ComparedModels,
    CorrectedTensors,
    CorrectionRequest,
    GradientRequest,
    MachineRates,
    RatesRequest,
    Sensitivity,
    SensitivityRequest,
)
from app.sensitivity.sensitivity import measure_sensitivity


def answer(
    request: GradientRequest, report: Callable[[Event], None]
) -> Sensitivity | ComparedModels | CorrectedTensors | MachineRates:
    """Answer a request.

    Raises:
        AppError: `gradients_unavailable`, `disk_full`.
    """
    if isinstance(request, SensitivityRequest):
        return measure_sensitivity(request, report)
    if isinstance(request, CorrectionRequest):
        return correct_rounding(request, report)
    if isinstance(request, RatesRequest):
        return machine_rates(request.threads)
    return compare_models(request, report)
