"""Compute the exact size of every level of a source, and make files that load like each level.

The plans are those of the conversion; a GGUF file also has its own size.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from app.conversion.converter.installation import converter_folder
from app.conversion.converter.transformers_choice import Transformers, trying_both
from app.conversion.converter.vocabulary_prefetch import VocabularyPrefetch
from app.conversion.layout.layout import Layout
from app.conversion.loadability import require_loadable
from app.conversion.sources import CheckpointSource, GgufSource, Source
from app.conversion.type_choices import TypeChoices
from app.conversion.type_plan import HollowFile, TypePlan, hollow_file, hollow_level, plan_types
from app.core.errors import AppError
from app.core.levels import COPY, FORMAT_PRESERVING_LEVELS, LEVELS, Level
from app.core.settings import Settings
from app.estimation.model_profile import UNNAMED_LEVEL
from app.estimation.model_shape import ModelShape, shape_of
from app.estimation.quality import Quality
from app.gguf_file.detection import is_gguf_file
from app.gguf_file.header_reader import Header, read_header
from app.gguf_file.model import Model
from app.gguf_file.model_info import ModelInfo, model_info_of, read_headers
from app.gguf_file.tensor_types import FLOATING_TYPES, TENSOR_TYPES
from app.gguf_file.validation import require_sane
from app.measurement.store import measured_quality


@dataclass(frozen=True)
class SizedLevel:
    """A level and the exact size of its file in bytes; None if unknown, `problem` says why.

    `tensors` are the sizes of its tensors by name, `types` their types. `file` opens a temporary
    file that loads like the level. `plan` is set for levels to convert to, `quality` if measured.
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
        """Open a file that loads like the level; it exists as long as the block runs.

        Raises:
            ValueError: if there is none.
        """
        if self.file is None:
            raise ValueError(self.level)
        return self.file()


@dataclass(frozen=True)
class SizedSource:
    """A source: the shape of its model, and its levels ordered by size, those of unknown size last.

    In a causal model, a token sees only earlier ones. Levels with a plan are made from `layout`,
    which the version `transformers` has read.
    """

    shape: ModelShape
    is_causal: bool
    levels: tuple[SizedLevel, ...]
    layout: Layout | None = None
    transformers: Transformers | None = None

    def require_loadable(self) -> None:
        """Check that llama.cpp accepts the converted model with its vocabulary; on any thread.

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
    vocabulary: VocabularyPrefetch | None = None,
) -> SizedSource:
    """Plan all levels of a checkpoint's folder, or those that a GGUF file can be converted to.

    A checkpoint's `vocabulary` may already be loading. `requantizes` allows quantized weights to be
    quantized again.

    Raises:
        AppError: the first check that fails, or the reason why the source can't be read.
    """
    choices = TypeChoices(requantizes=requantizes)
    if not is_gguf_file(place):
        source = CheckpointSource(place, allows_pickle, vocabulary)
        return _planned(source, converter_folder(settings), choices)
    headers = read_headers(place)
    require_sane(headers[0])
    info = model_info_of(headers)
    own = _own_level(info, headers)
    if _is_quantized(headers) and not requantizes:
        return SizedSource(shape_of(headers[0]), info.is_causal, (own,))
    planned = _planned(GgufSource(place), converter_folder(settings), choices)
    others = [level for level in planned.levels if level.level not in {own.level, COPY.name}]
    return replace(planned, levels=_sorted([own, *others]))


def _planned(source: Source, converter: Path, choices: TypeChoices) -> SizedSource:
    for check in source.checks(converter):
        if check.error is not None:
            raise AppError(check.error, **check.details)
    laid_out = next(source.layouts(source.levels, converter))
    levels = (*LEVELS, *FORMAT_PRESERVING_LEVELS) if laid_out.layout.is_lossy else LEVELS
    with hollow_file(laid_out.layout) as hollow:
        # Checking the vocabulary takes llama.cpp half a second: see `SizedSource`.
        with trying_both(laid_out.transformers):
            require_loadable(hollow.without_vocabulary)
        header = read_header(hollow.without_vocabulary)
        # While the file exists: a header has only the offsets of long arrays.
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


def file_source(model: Model) -> SizedSource:
    """Return a GGUF file as a source, without levels that could be made from it."""
    own = _own_level(model.info, list(model.headers))
    return SizedSource(shape_of(model.headers[0]), model.info.is_causal, (own,))


def _own_level(info: ModelInfo, headers: list[Header]) -> SizedLevel:
    """Return the level of a GGUF file itself."""
    tensors = {tensor.name: tensor.size_bytes for header in headers for tensor in header.tensors}
    return SizedLevel(
        level=info.level or UNNAMED_LEVEL,
        size_bytes=info.size_bytes,
        bits_per_weight=8 * sum(tensors.values()) / info.parameters if info.parameters else None,
        tensors=tensors,
        types={tensor.name: tensor.type_name for header in headers for tensor in header.tensors},
        file=lambda: nullcontext(info.path),
        quality=measured_quality(info.path),
    )


def _is_quantized(headers: list[Header]) -> bool:
    """Return whether weights have fewer than 16 bits, so that requantizing would lose quality."""
    matrices = [t.type_number for header in headers for t in header.tensors if len(t.shape) > 1]
    return not FLOATING_TYPES.issuperset(matrices)


def _sorted(levels: list[SizedLevel]) -> tuple[SizedLevel, ...]:
    return tuple(sorted(levels, key=lambda level: (level.size_bytes is None, level.size_bytes)))
