"""Predict how long measuring a checkpoint takes, from counts of operations and two rates.

The counts are those of the algorithms in `sensitivity` and `rounding`; factors of what is limited
by memory rather than by operations were fitted (`python -m tests.benchmarks.measured_conversion`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from app.allocation.budget import TargetSize
from app.allocation.candidate_types import candidate_types, quantized_types
from app.allocation.gradient_child import ask
from app.allocation.kept_answers import kept_answer
from app.allocation.study import Study
from app.conversion.pipeline import Report
from app.gguf_file.tensor_names import EMBEDDING, OUTPUT
from app.gguf_file.tensor_types import TENSOR_TYPES
from app.sensitivity.requests import (
    LAYERS,
    OUTPUT_SAMPLE_TOKENS,
    SAMPLED_ROWS,
    SAMPLED_SEQUENCES,
    SLOWLY_SAMPLED_ROWS,
    TUNING_BATCH,
    TUNING_EPOCHS,
    ComputingRates,
    RatesRequest,
    Sensitivity,
    SensitivityRequest,
)

_UP_AND_DOWN, _OUTPUT_ONLY = 6, 4
"""Operations per weight and token: a product up, again on the way down, and its gradient."""
_INVERSE = 6
"""Operations to factor the second moments, per column cubed."""
_CORRECTION = 6
"""Operations to correct a weight, per column: feedback, and the gradients of two sweeps."""
_CORRECTED = 65
"""What memory takes meanwhile, for each weight, in the time to round one."""
_TUNED = 1.0
"""The time to change a weight's value, in the time to round it."""
_TRIED_ROWS = 2 * 128
"""Rows of a matrix that are corrected for trial."""
_START_SECONDS = 4
"""The time to start the process of one request, with torch."""
_EXACT_AND_OTHERS = 4
"""Models in a comparison; the weights of two of them are rounded."""
_SLOW_MACHINE = ComputingRates(operations=3e10, roundings=3e7, slow_roundings=1e6)
_WORTH_TELLING = 20
"""Seconds on a slow machine; measuring its rates takes some, too."""


@dataclass(frozen=True)
class Work:
    """Operations of products, weights that are rounded and read back, and requests.

    `slow_roundings` are those to types without a kernel.
    """

    operations: float = 0.0
    roundings: float = 0.0
    slow_roundings: float = 0.0
    requests: int = 0

    def __add__(self, other: Work) -> Work:
        """Return both together."""
        return Work(
            self.operations + other.operations,
            self.roundings + other.roundings,
            self.slow_roundings + other.slow_roundings,
            self.requests + other.requests,
        )

    def seconds(self, rates: ComputingRates) -> float:
        """Return how long a machine takes."""
        rounding = self.roundings / rates.roundings + self.slow_roundings / rates.slow_roundings
        return self.operations / rates.operations + rounding + _START_SECONDS * self.requests


@dataclass(frozen=True)
class _Matrix:
    """A tensor of `experts` matrices (rows x columns), of which a token uses a share."""

    name: str
    rows: int
    columns: int
    experts: int
    share: float

    @property
    def weights(self) -> int:
        return self.rows * self.columns * self.experts

    @property
    def is_in_layer(self) -> bool:
        return self.name.startswith(LAYERS)

    def sampled(self, most: int) -> float:
        """Return the share of its rows that harms are measured on."""
        return 1 / max(1, self.rows // most) if self.is_in_layer else 1.0


def measuring_seconds(
    study: Study,
    target: TargetSize | None,
    *,
    weighs_correction: bool,
    corrects: bool,
    tunes: bool,
    report: Report,
) -> float | None:
    """Return how long measuring takes, in seconds; None if it is a matter of seconds.

    Args:
        study: The checkpoint.
        target: The size that types are chosen for, if they are.
        weighs_correction: They are chosen for corrected rounding.
        corrects: The rounding is corrected.
        tunes: Scales and norms are tuned after that.
        report: Receives the progress.
    """
    types: Mapping[str, Sequence[int]] = {}
    work = Work()
    if target is not None:
        types = candidate_types(study.layout, study.plans[0], study.choices, target)
        request = SensitivityRequest(study.measured, types, weighs_correction)
        if kept_answer(request, Sensitivity) is None:
            work += sensitivity_work(study, types, corrects=weighs_correction)
    if corrects:
        tensors = quantized_types(study.layout, study.plans[0])
        work += correction_work(study, tensors) + comparison_work(study, types)
    if tunes:
        work += tuning_work(study)
    if work.seconds(_SLOW_MACHINE) < _WORTH_TELLING:
        return None
    if target is not None:
        work += comparison_work(study, types)
    rates = ask(RatesRequest(study.measured.threads), ComputingRates, report)
    return work.seconds(rates)


def sensitivity_work(study: Study, types: Mapping[str, Sequence[int]], *, corrects: bool) -> Work:
    """Return the work to measure the harm of these types for each tensor."""
    work = _passes(study)
    for matrix in _matrices(study):
        count = len(types.get(matrix.name, ()))
        slow = len(_slow_types(types.get(matrix.name, ())))
        part = (count - slow) * matrix.weights * matrix.sampled(SAMPLED_ROWS)
        slow_part = slow * matrix.weights * matrix.sampled(SLOWLY_SAMPLED_ROWS)
        tokens = matrix.share * _sampled_tokens(study, matrix)
        work += Work(2 * (part + slow_part) * tokens, part, slow_part)
        if corrects and count:
            work += _factored(study, matrix, experts=1)
            work += _corrected(_TRIED_ROWS * matrix.columns, matrix.columns)
    return work


def correction_work(study: Study, types: Mapping[str, int]) -> Work:
    """Return the work to correct the rounding of these tensors."""
    work = _passes(study)
    for matrix in _matrices(study):
        if matrix.name in types and _is_product(study, matrix):
            work += _corrected(matrix.weights, matrix.columns)
            work += _factored(study, matrix, matrix.experts)
    return work


def tuning_work(study: Study) -> Work:
    """Return the work to tune scales and norms."""
    sequences = len(study.measured.tokens) - SAMPLED_SEQUENCES
    length = len(study.measured.tokens[0])
    tokens = TUNING_EPOCHS * sequences * length
    others = (sequences + 3 * SAMPLED_SEQUENCES) * length
    steps = TUNING_EPOCHS * math.ceil(sequences / TUNING_BATCH)
    work = Work(requests=1)
    for matrix in _matrices(study):
        if _is_product(study, matrix):
            used = matrix.weights * matrix.share
            work += Work((_UP_AND_DOWN * tokens + 2 * others) * used)
        work += Work(roundings=_TUNED * steps * matrix.weights)
    return work


def comparison_work(study: Study, types: Mapping[str, Sequence[int]]) -> Work:
    """Return the work to compare a file of these types with the plain level of its size."""
    tokens = sum(map(len, study.checked.tokens))
    work = Work(requests=1)
    for matrix in _matrices(study):
        if _is_product(study, matrix):
            read = tokens if matrix.is_in_layer else tokens / 2
            work += Work(2 * _EXACT_AND_OTHERS * matrix.weights * matrix.share * read)
        # Most of a small file has slow types; the plain level has none.
        slow = matrix.weights if _slow_types(types.get(matrix.name, ())) else 0
        work += Work(roundings=2 * matrix.weights - slow, slow_roundings=slow)
    return work


def _passes(study: Study) -> Work:
    tokens = sum(map(len, study.measured.tokens))
    each = (
        (_UP_AND_DOWN if matrix.is_in_layer else _OUTPUT_ONLY) * matrix.weights * matrix.share
        for matrix in _matrices(study)
        if _is_product(study, matrix)
    )
    return Work(tokens * sum(each), requests=1)


def _corrected(weights: int, columns: int) -> Work:
    return Work(_CORRECTION * weights * columns, _CORRECTED * weights)


def _factored(study: Study, matrix: _Matrix, experts: int) -> Work:
    """Return the work for second moments and their inverse; one half mirrors the other."""
    tokens = study.moment_tokens
    square = matrix.columns**2
    seen = tokens * (matrix.share if matrix.experts > 1 else 1)
    return Work(experts * square * (seen + _INVERSE * matrix.columns))


def _sampled_tokens(study: Study, matrix: _Matrix) -> int:
    tokens = len(study.measured.tokens[0]) if matrix.is_in_layer else OUTPUT_SAMPLE_TOKENS
    return SAMPLED_SEQUENCES * tokens


def _slow_types(types: Sequence[int]) -> list[int]:
    return [number for number in types if not TENSOR_TYPES[number].has_kernel]


def _is_product(study: Study, matrix: _Matrix) -> bool:
    """Return whether inputs are multiplied by a matrix: an embedding only if it is tied."""
    if matrix.name != EMBEDDING:
        return True
    return all(tensor.name != OUTPUT for tensor in study.plans[0].tensors)


def _matrices(study: Study) -> Iterator[_Matrix]:
    experts, used = (study.count(key) for key in ("expert_count", "expert_used_count"))
    for tensor in study.plans[0].tensors:
        if len(tensor.shape) > 1:
            *outer, rows, columns = tensor.shape
            share = used / experts if outer and experts else 1.0
            yield _Matrix(tensor.name, rows, columns, math.prod(outer), share)
