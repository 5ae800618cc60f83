"""The two things to measure of a checkpoint before its types are chosen."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Protocol

from app.allocation.gradient_child import ask
from app.allocation.kept_answers import answer_to
from app.allocation.study import Study
from app.conversion.pipeline import Report
from app.sensitivity.requests import (
    ComparedModels,
    ComparisonRequest,
    QuantizedModel,
    Sensitivity,
    SensitivityRequest,
)

TypesToTry = Mapping[str, tuple[int, ...]]
"""Some of ggml's types for each tensor, by its name."""


class Measures(Protocol):
    """A way to measure a checkpoint."""

    def sensitivity(self, types: TypesToTry) -> Sensitivity:
        """Return the harm of each type for each tensor."""

    def compare(self, models: tuple[QuantizedModel, ...]) -> ComparedModels:
        """Return the quality of quantized models on text that they were not made with."""


class GradientMeasures:
    """Measures with the gradients of the model, in a process of its own.

    With `corrects`, rounding will be corrected afterwards, so that harms are what that leaves.
    """

    def __init__(self, study: Study, report: Report, *, corrects: bool) -> None:
        self._study = study
        self._report = report
        self._corrects = corrects

    def sensitivity(self, types: TypesToTry) -> Sensitivity:
        """Return the harm of each type for each tensor.

        Raises:
            AppError: `gradients_unavailable`, `disk_full`.
        """
        request = SensitivityRequest(self._study.measured, dict(types), self._corrects)
        measure = partial(ask, request, Sensitivity, self._report)
        return answer_to(request, Sensitivity, measure)

    def compare(self, models: tuple[QuantizedModel, ...]) -> ComparedModels:
        """Return the quality of quantized models.

        Raises:
            AppError: `gradients_unavailable`, `disk_full`.
        """
        request = ComparisonRequest(self._study.checked, models)
        measure = partial(ask, request, ComparedModels, self._report)
        return answer_to(request, ComparedModels, measure)
