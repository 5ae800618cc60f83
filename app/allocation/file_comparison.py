"""Compare a file that is about to be written with the plain level of about its size."""

from __future__ import annotations

from app.allocation.candidate_types import quantized_types
from app.allocation.measures import Measures
from app.allocation.mix import nearest_plan
from app.allocation.study import Study
from app.core.allocation_events import ComparedQuality, FileCompared
from app.sensitivity.requests import MeasuredQuality, QuantizedModel


def compare(
    study: Study, measures: Measures, model: QuantizedModel, tensors_bytes: int
) -> FileCompared:
    """Measure a quantized model, and the nearest plain level, on text that neither was made with.

    Args:
        study: The checkpoint.
        measures: The way to measure it.
        model: How its tensors are quantized.
        tensors_bytes: The size of all its tensors.

    Raises:
        AppError: what `measures` raise.
    """
    compared, _ = _compared(study, measures, model, tensors_bytes, ())
    return compared


def compare_with_floor(
    study: Study, measures: Measures, model: QuantizedModel, tensors_bytes: int
) -> tuple[FileCompared, float]:
    """Return the same, and the mean KL divergence that the engine's rounding of inputs causes."""
    inputs_only = QuantizedModel(model.types, has_exact_weights=True)
    compared, (floor,) = _compared(study, measures, model, tensors_bytes, (inputs_only,))
    return compared, floor.divergence


def _compared(
    study: Study,
    measures: Measures,
    model: QuantizedModel,
    tensors_bytes: int,
    others: tuple[QuantizedModel, ...],
) -> tuple[FileCompared, list[MeasuredQuality]]:
    size_bytes = study.plans[0].header_size_bytes + tensors_bytes
    plan = nearest_plan(study.plans, size_bytes)
    plain = QuantizedModel(quantized_types(study.layout, plan))
    found = measures.compare((model, plain, *others))
    file, beside, *rest = found.models
    compared = FileCompared(
        file=_quality(size_bytes, file),
        level=plan.level.name,
        plain=_quality(plan.size_bytes, beside),
        perplexity=found.perplexity,
        # The first half of each sequence is context.
        tokens=sum(len(tokens) // 2 for tokens in study.checked.tokens),
    )
    return compared, rest


def _quality(size_bytes: int, found: MeasuredQuality) -> ComparedQuality:
    return ComparedQuality(
        size_bytes, found.divergence, found.top_token_agreement, found.perplexity
    )
