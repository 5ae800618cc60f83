"""Compare a file that is about to be written with the plain level of about its size."""

from __future__ import annotations

from app.allocation.candidate_types import quantized_types
from app.allocation.gradient_child import ask
from app.allocation.mix import nearest_plan
from app.allocation.study import Study
from app.conversion.pipeline import Report
from app.core.allocation_events import ComparedQuality, FileCompared
from app.sensitivity.requests import (
    ComparedModels,
    ComparisonRequest,
    MeasuredQuality,
    QuantizedModel,
)


def compare(
    study: Study, model: QuantizedModel, tensors_bytes: int, report: Report
) -> FileCompared:
    """Measure a quantized model, and the nearest plain level, on text that neither was made with.

    Args:
        study: The checkpoint.
        model: How its tensors are quantized.
        tensors_bytes: The size of all its tensors.
        report: Receives the progress.

    Raises:
        AppError: `gradients_unavailable`, `disk_full`.
    """
    size_bytes = study.plans[0].header_size_bytes + tensors_bytes
    plan = nearest_plan(study.plans, size_bytes)
    plain = QuantizedModel(quantized_types(study.layout, plan))
    request = ComparisonRequest(study.checked, (model, plain))
    found = ask(request, ComparedModels, report)
    file, beside = found.models
    return FileCompared(
        file=_quality(size_bytes, file),
        level=plan.level.name,
        plain=_quality(plan.size_bytes, beside),
        perplexity=found.perplexity,
        tokens=sum(map(len, study.checked.tokens)),
    )


def _quality(size_bytes: int, found: MeasuredQuality) -> ComparedQuality:
    return ComparedQuality(
        size_bytes, found.divergence, found.top_token_agreement, found.perplexity
    )
