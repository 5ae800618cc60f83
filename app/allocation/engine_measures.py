"""Measure a checkpoint with llama.cpp, where its gradients can't be computed.

Groups of tensors are rounded to some 4 bits, one after the other. By the linearity theorem
(Malinovskii et al. 2024, "Pushing the Limits of LLM Quantization via the Linearity Theorem") the KL
divergence that this causes, divided by the sum of the relative squared errors, tells how much
errors in the group matter, whatever the type that makes them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import Literal

from app.allocation.importance_forms import importance_matrix, importance_of_matrix
from app.allocation.kept_answers import answer_to
from app.allocation.measures import TypesToTry
from app.allocation.reference_model import ReferenceModel, Tokens, ignore
from app.allocation.study import Study
from app.allocation.tensor_groups import grouped
from app.conversion.conversion_request import ConversionRequest
from app.conversion.pipeline import Report, convert
from app.conversion.type_choices import NO_CHOICES, TypeChoices
from app.conversion.type_plan import plan_as_laid_out
from app.core.allocation_events import MeasuringPlanned
from app.core.events import Progressed
from app.core.files import temporary_folder
from app.core.levels import COPY, level_named
from app.gguf_file.tensor_types import TENSOR_TYPES
from app.native.importance_matrix import ImportanceMatrix
from app.profiling.matrix_errors import MatrixErrors, matrix_errors
from app.sensitivity.requests import (
    SAMPLED_SEQUENCES,
    CheckpointTokens,
    ComparedModels,
    ComparisonRequest,
    Harms,
    MeasuredQuality,
    QuantizedModel,
    Sensitivity,
    SensitivityRequest,
)

_WRITTEN_LEVEL = level_named("BF16")
_SIXTEEN_BITS = 16
_NOISE_BITS = 4.5
_COPIES = 2
"""Models whose weights are quantized in a comparison: the file, and the plain level."""
_EXACT = 1.0


@contextmanager
def engine_measures(
    study: Study, request: ConversionRequest, converter: Path, report: Report
) -> Iterator[EngineMeasures]:
    """Provide measures with the engine; the model is written in 16 bits to a temporary folder.

    Args:
        study: The checkpoint.
        request: Its conversion.
        converter: The folder of llama.cpp's converter.
        report: Receives the progress.

    Raises:
        AppError: `disk_full`.
    """
    with temporary_folder() as folder:
        make = partial(_make_reference, study, request, converter, folder)
        yield EngineMeasures(study, make, report)


class EngineMeasures:
    """Measures with llama.cpp; `make_reference` is called if the answers are not kept.

    Both methods raise AppError: what `convert` and `write_models` raise, and errors of loading a
    model.
    """

    def __init__(
        self, study: Study, make_reference: Callable[[], ReferenceModel], report: Report
    ) -> None:
        self._study = study
        self._make_reference = make_reference
        self._report = report

    def sensitivity(self, types: TypesToTry) -> Sensitivity:
        """Return the harm of each type for each tensor."""
        request = SensitivityRequest(self._study.measured, dict(types))
        return answer_to(request, Sensitivity, partial(self._measure, types), "engine")

    def compare(self, models: tuple[QuantizedModel, ...]) -> ComparedModels:
        """Return the quality of quantized models; that of exact weights is perfect."""
        request = ComparisonRequest(self._study.checked, models)
        return answer_to(request, ComparedModels, partial(self._compare, models), "engine")

    @cached_property
    def _reference(self) -> ReferenceModel:
        return self._make_reference()

    def _measure(self, types: TypesToTry) -> Sensitivity:
        tokens = self._readable(self._study.measured)
        sampled = tokens[-SAMPLED_SEQUENCES:]
        self._advance("sensitivity", 0, 1)
        importance = self._reference.importance(tokens[:-SAMPLED_SEQUENCES])
        choices = TypeChoices(importance=importance)
        threads = self._study.measured.threads
        possible = _without_missing_importance(types, importance)
        errors = matrix_errors(self._study.layout, possible, choices, threads, ignore)
        groups = grouped(errors)
        self._tell_time(sampled, len(groups))
        harms: dict[str, Harms] = {}
        for number, names in enumerate(groups, 1):
            noise = {name: min(errors[name], key=_distance_from_noise) for name in names}
            found = self._reference.quality(noise, importance, sampled)
            harms |= dict(_harms(found.divergence, noise, errors))
            self._advance("sensitivity", number, len(groups))
        return Sensitivity(harms, {}, importance_of_matrix(importance))

    def _compare(self, models: tuple[QuantizedModel, ...]) -> ComparedModels:
        checked = self._readable(self._study.checked)
        perplexity = self._reference.perplexity(checked)
        found = []
        for number, model in enumerate(models, 1):
            if model.has_exact_weights:
                found.append(MeasuredQuality(0.0, _EXACT, perplexity))
            else:
                importance = importance_matrix(model.importance)
                found.append(self._reference.quality(model.types, importance, checked))
            self._advance("comparison", number, len(models))
        return ComparedModels(perplexity, tuple(found))

    def _readable(self, source: CheckpointTokens) -> list[Tokens]:
        """Return the sequences, as far as the model was trained to read."""
        length = self._study.count("context_length") or None
        return [tuple(tokens[:length]) for tokens in source.tokens]

    def _tell_time(self, sampled: Sequence[Tokens], groups: int) -> None:
        """Report how long the rest takes, by the time that some sequences take."""
        began = time.monotonic()
        self._reference.predict(sampled)
        each = (time.monotonic() - began) / len(sampled)
        compared = len(self._study.checked.tokens) * (1 + _COPIES)
        self._report(MeasuringPlanned(each * (len(sampled) * groups + compared)))

    def _advance(self, step: Literal["sensitivity", "comparison"], done: int, total: int) -> None:
        # Progress is counted in bytes; each part reads all weights.
        part_bytes = sum(tensor.size_bytes for tensor in self._study.layout.tensors)
        self._report(Progressed(step, done * part_bytes, total * part_bytes))


def _make_reference(
    study: Study, request: ConversionRequest, converter: Path, folder: Path
) -> ReferenceModel:
    """Write the model in 16 bits, or as it is if it has fewer."""
    is_smaller = plan_as_laid_out(study.layout, COPY).bits_per_weight < _SIXTEEN_BITS
    whole = replace(
        request,
        levels=(COPY if is_smaller else _WRITTEN_LEVEL,),
        file=folder / "reference.gguf",
        choices=NO_CHOICES,
        is_dry_run=False,
        types_file=None,
    )
    (file,) = convert(whole, converter, ignore)
    return ReferenceModel(file, folder, study.measured.threads)


def _without_missing_importance(
    types: TypesToTry, importance: ImportanceMatrix
) -> dict[str, tuple[int, ...]]:
    """Leave out types that need importance for tensors of which an expert saw no tokens."""
    known = {name for name, entry in importance.entries.items() if entry.counts.all()}
    return {
        name: tuple(
            number
            for number in numbers
            if name in known or not TENSOR_TYPES[number].needs_importance
        )
        for name, numbers in types.items()
    }


def _harms(
    divergence: float, noise: Mapping[str, int], errors: MatrixErrors
) -> Iterator[tuple[str, Harms]]:
    """Yield the harms of a group that diverges so far with these types."""
    total = sum(errors[name][number] for name, number in noise.items())
    scale = divergence / total if total else 0.0
    for name in noise:
        yield name, {number: scale * error for number, error in errors[name].items()}


def _distance_from_noise(type_number: int) -> float:
    kind = TENSOR_TYPES[type_number]
    return abs(8 * kind.block_bytes / kind.block_size - _NOISE_BITS)
