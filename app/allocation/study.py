"""A checkpoint that is to be measured: its plans at the plain levels, and tokens of a text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from app.allocation.candidate_types import stored_matrices
from app.allocation.token_sequences import token_sequences, without_repeats
from app.conversion.conversion_request import ConversionRequest
from app.conversion.layout.layout import Layout
from app.conversion.pipeline import Report, plan_conversion
from app.conversion.sources import CheckpointSource
from app.conversion.type_choices import TypeChoices
from app.conversion.type_plan import TypePlan, hollow_file
from app.core.errors import AppError, ErrorCode
from app.core.events import Checked, Event, Progressed
from app.core.levels import LEVELS
from app.gguf_file.header_reader import Value, read_header
from app.gguf_file.tensor_names import EMBEDDING
from app.measurement.texts.rendered_text import TextFor
from app.sensitivity.requests import SAMPLED_SEQUENCES, CheckpointTokens

_CHECKED = 8
"""Sequences for the check of a choice."""
_FEWEST_MOMENTS = 2
_QUANTIZED_LEVELS = tuple(level for level in LEVELS if level.name not in {"F16", "BF16", "F32"})


@dataclass(frozen=True)
class Study:
    """A checkpoint to measure.

    Attributes:
        layout: Its layout.
        metadata: What its header will say.
        plans: Its plans at all plain quantized levels, by size.
        choices: The user's choices behind the plans.
        measured: Its matrices, and the tokens to measure them on.
        checked: The same matrices, and other tokens.
    """

    layout: Layout
    metadata: Mapping[str, Value]
    plans: tuple[TypePlan, ...]
    choices: TypeChoices
    measured: CheckpointTokens
    checked: CheckpointTokens

    @property
    def moment_tokens(self) -> int:
        """The number of tokens that give second moments."""
        return sum(map(len, self.measured.tokens[:-SAMPLED_SEQUENCES]))

    def count(self, key: str) -> int:
        """Return a whole number that its architecture has in the header; 0 without it."""
        value = self.metadata.get(f"{self.layout.architecture}.{key}")
        return value if isinstance(value, int) else 0

    @property
    def vocabulary_size(self) -> int:
        """The number of rows of the embedding."""
        shapes = (tensor.shape for tensor in self.layout.tensors if tensor.name == EMBEDDING)
        return max((shape[0] for shape in shapes), default=0)

    def plan(self, level: str) -> TypePlan:
        """Return the plan of a level by its name.

        Raises:
            AppError: `level_not_corrected` for a level without one.
        """
        for plan in self.plans:
            if plan.level.name == level:
                return plan
        raise AppError(ErrorCode.LEVEL_NOT_CORRECTED, level=level)


def study(
    request: ConversionRequest, text_for: TextFor, moments: int, converter: Path, report: Report
) -> Study:
    """Plan the levels of a checkpoint, and split a text into tokens.

    Args:
        request: The conversion; its levels don't matter.
        text_for: The text for second moments and samples of gradients.
        moments: The number of sequences of 512 tokens for second moments, if the text has as many.
        converter: The folder of llama.cpp's converter.
        report: Receives the findings of the checks.

    Raises:
        AppError: `allocation_not_offered`, `text_short`, `text_repeats`, and what `plan_conversion`
            raises.
    """
    if not isinstance(request.source, CheckpointSource):
        raise AppError(ErrorCode.ALLOCATION_NOT_OFFERED)
    # Each level has a file of its own name.
    levels = replace(request, levels=_QUANTIZED_LEVELS, file=None, is_dry_run=True, types_file=None)
    (planned,) = plan_conversion(levels, converter, partial(_report_faults, report))
    with hollow_file(planned.layout, request.choices) as hollow:
        metadata = read_header(hollow.path).metadata
        others = SAMPLED_SEQUENCES + _CHECKED
        sequences = token_sequences(hollow, text_for, moments + others, _FEWEST_MOMENTS + others)
    folder = str(request.source.folder.absolute())
    matrices = stored_matrices(planned.layout)
    measured, checked = (
        CheckpointTokens(folder, matrices, tokens, request.threads)
        for tokens in _divided(sequences)
    )
    plans = sorted(planned.plans.values(), key=lambda plan: plan.size_bytes)
    return Study(planned.layout, metadata, tuple(plans), request.choices, measured, checked)


def _divided(sequences: list[list[int]]) -> tuple[list[list[int]], list[list[int]]]:
    """Return the sequences to measure on, and those for the check, which they don't repeat."""
    checked = sequences[:_CHECKED]
    measured = without_repeats(sequences[_CHECKED:], checked)
    fewest = _FEWEST_MOMENTS + SAMPLED_SEQUENCES
    if len(measured) < fewest:
        length = len(sequences[0])
        raise AppError(
            ErrorCode.TEXT_REPEATS, tokens=length * len(measured), needed=length * fewest
        )
    return measured, checked


def _report_faults(report: Report, event: Event) -> None:
    """Report the progress and what failed: the conversion reports its findings and its plan."""
    if isinstance(event, Progressed) or (isinstance(event, Checked) and event.error is not None):
        report(event)
