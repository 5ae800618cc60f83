"""The exact size of every level of a source on this machine, and a file that loads as each would.

The plan is the one that the conversion makes; a GGUF file has its own size besides.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from app.conversion.converter.installation import converter_folder
from app.conversion.converter.transformers_choice import Transformers, trying_both
from app.conversion.converter.vocabulary_ahead import VocabularyAhead
from app.conversion.layout.layout import Layout
from app.conversion.loadability import require_loadable
from app.conversion.sources import CheckpointSource, GgufSource, Source
from app.conversion.type_choices import TypeChoices
from app.conversion.type_plan import HollowFile, TypePlan, hollow_file, hollow_level, plan_types
from app.core.errors import AppError, ErrorDetails
from app.core.levels import COPY, KEEPING_LEVELS, LEVELS, Level
from app.core.settings import Settings
from app.estimation.model_profile import UNNAMED_LEVEL
from app.estimation.model_shape import ModelShape, shape_of
from app.estimation.quality import Quality
from app.gguf_file.detection import is_gguf_file
from app.gguf_file.header_reader import Header, read_header
from app.gguf_file.model_info import ModelInfo, model_info_of, read_headers
from app.gguf_file.tensor_types import FLOATING_TYPES, TENSOR_TYPES
from app.gguf_file.validation import require_sane
from app.measurement.store import measured_quality


@dataclass(frozen=True)
class SizedLevel:
    """A level and the exact size of its file in bytes; None with the `problem` where none is known.

    `tensors` are the sizes of its tensors by their names, `types` their types. `file` gives a file
    that loads as the level would, for as long as the block lasts; `plan` is there when it would be
    made, `quality` when it was measured.
    """

    level: str
    size_bytes: int | None
    bits_per_weight: float | None
    tensors: dict[str, int] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    file: Callable[[], AbstractContextManager[Path]] | None = None
    plan: TypePlan | None = None
    quality: Quality | None = None
    problem: AppError | None = None

    def opened(self) -> AbstractContextManager[Path]:
        """A file that loads as the level would, for as long as the block lasts.

        Raises:
            ValueError: when there is none.
        """
        if self.file is None:
            raise ValueError(self.level)
        return self.file()


@dataclass(frozen=True)
class SizedSource:
    """A source: how its model is built, and its levels, the smallest first, unknown ones last.

    With `is_causal` a token of it sees only what comes before it. `layout` is what the levels with
    a plan would be made from, `transformers` the version that read it.
    """

    shape: ModelShape
    is_causal: bool
    levels: tuple[SizedLevel, ...]
    layout: Layout | None = None
    transformers: Transformers | None = None

    def require_loadable(self) -> None:
        """Let llama.cpp look at what would be made with its vocabulary; may be on a thread.

        Raises:
            AppError: `checkpoint_rejected`.
        """
        if self.layout is not None:
            with trying_both(self.transformers), hollow_file(self.layout) as hollow:
                require_loadable(hollow.path)


def size_source(
    place: Path,
    settings: Settings,
    *,
    allows_pickle: bool,
    requantizes: bool = False,
    vocabulary: VocabularyAhead | None = None,
) -> SizedSource:
    """Plan all levels of a checkpoint's folder, or of a GGUF file as far as it can be converted.

    A checkpoint's `vocabulary` may be in the making already. With `requantizes` weights that have
    lost already may lose again.

    Raises:
        AppError: the first check that fails, or why nothing about the source is known.
    """
    choices = TypeChoices(requantizes=requantizes)
    if not is_gguf_file(place):
        source = CheckpointSource(place, allows_pickle, vocabulary)
        return _planned(source, converter_folder(settings), choices)
    headers = read_headers(place)
    require_sane(headers[0])
    facts = model_info_of(headers)
    own = _own_level(facts, headers)
    if _is_quantized(headers) and not requantizes:
        return SizedSource(shape_of(headers[0]), facts.is_causal, (own,))
    planned = _planned(GgufSource(place), converter_folder(settings), choices)
    others = [level for level in planned.levels if level.level not in {own.level, COPY.name}]
    return replace(planned, levels=_sorted([own, *others]))


def _planned(source: Source, converter: Path, choices: TypeChoices) -> SizedSource:
    for check in source.checks(converter):
        if check.error is not None:
            facts: ErrorDetails = check.facts
            raise AppError(check.error, **facts)
    laid_out = next(source.layouts(source.levels, converter))
    levels = (*LEVELS, *KEEPING_LEVELS) if laid_out.layout.is_quantized else LEVELS
    with hollow_file(laid_out.layout) as hollow:
        # To look at the vocabulary takes llama.cpp half a second: see `SizedSource`.
        with trying_both(laid_out.transformers):
            require_loadable(hollow.without_vocabulary)
        header = read_header(hollow.without_vocabulary)
        # While the file is there: of long arrays a header has only the place.
        shape, is_causal = shape_of(header), model_info_of([header]).is_causal
        sized = _sorted([_sized(laid_out.layout, hollow, level, choices) for level in levels])
    return SizedSource(shape, is_causal, sized, laid_out.layout, laid_out.transformers)


def _sized(layout: Layout, hollow: HollowFile, level: Level, choices: TypeChoices) -> SizedLevel:
    try:
        plan = plan_types(layout, hollow, level, choices)
    except AppError as error:
        return SizedLevel(level.name, None, None, problem=error)
    return SizedLevel(
        level=level.name,
        size_bytes=plan.size_bytes,
        bits_per_weight=plan.bits_per_weight,
        tensors={tensor.name: tensor.size_bytes for tensor in plan.tensors},
        types={tensor.name: TENSOR_TYPES[tensor.type_number].name for tensor in plan.tensors},
        file=partial(hollow_level, plan),
        plan=plan,
    )


def file_source(model: Path) -> SizedSource:
    """A GGUF file as it is, without the levels that could be made of it.

    Raises:
        AppError: what reading its headers raises.
    """
    headers = read_headers(model)
    facts = model_info_of(headers)
    return SizedSource(shape_of(headers[0]), facts.is_causal, (_own_level(facts, headers),))


def _own_level(facts: ModelInfo, headers: list[Header]) -> SizedLevel:
    """A GGUF file as it is."""
    tensors = {tensor.name: tensor.size_bytes for header in headers for tensor in header.tensors}
    return SizedLevel(
        level=facts.level or UNNAMED_LEVEL,
        size_bytes=facts.size_bytes,
        bits_per_weight=8 * sum(tensors.values()) / facts.parameters if facts.parameters else None,
        tensors=tensors,
        types={tensor.name: tensor.type_name for header in headers for tensor in header.tensors},
        file=lambda: nullcontext(facts.path),
        quality=measured_quality(facts.path),
    )


def _is_quantized(headers: list[Header]) -> bool:
    """Whether the weights are in less than 16 bits, so that no other level is made of them well."""
    matrices = [t.type_number for header in headers for t in header.tensors if len(t.shape) > 1]
    return not FLOATING_TYPES.issuperset(matrices)


def _sorted(levels: list[SizedLevel]) -> tuple[SizedLevel, ...]:
    return tuple(sorted(levels, key=lambda level: (level.size_bytes is None, level.size_bytes)))
