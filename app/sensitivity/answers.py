"""Answer the requests to the process that computes gradients."""

from __future__ import annotations

from collections.abc import Callable

from app.core.events import Event
from app.sensitivity.computing_rates import computing_rates
from app.sensitivity.correction import correct_rounding
from app.sensitivity.distillation import tune
from app.sensitivity.model_comparison import compare_models
from app.sensitivity.requests import (
    ComparedModels,
    ComputingRates,
    CorrectedTensors,
    CorrectionRequest,
    GradientRequest,
    RatesRequest,
    Sensitivity,
    SensitivityRequest,
    TunedTensors,
    TuningRequest,
)
from app.sensitivity.sensitivity import measure_sensitivity


def answer(
    request: GradientRequest, report: Callable[[Event], None]
) -> Sensitivity | ComparedModels | CorrectedTensors | TunedTensors | ComputingRates:
    """Answer a request.

    Raises:
        AppError: `gradients_unavailable`, `disk_full`.
    """
    if isinstance(request, SensitivityRequest):
        return measure_sensitivity(request, report)
    if isinstance(request, CorrectionRequest):
        return correct_rounding(request, report)
    if isinstance(request, TuningRequest):
        return tune(request, report)
    if isinstance(request, RatesRequest):
        return computing_rates(request.threads)
    return compare_models(request, report)
