"""Plan the type of each tensor at a level; llama.cpp decides in a dry run on a hollow file.

A hollow file has the header of the model and holes where the weights would be, so that it takes no
room and no time. The dry run of `llama_model_quantize` logs each tensor, in the order in which it
would write it, with the type that it would choose.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.conversion.layout.layout import BFLOAT16, FLOAT32, MXFP4, NVFP4, LaidOutTensor, Layout
from app.conversion.type_choices import NO_CHOICES, TypeChoices, quantize_parameters
from app.core.errors import AppError, ErrorCode
from app.core.files import extend_with_hole, raising_app_errors, temporary_folder
from app.core.language import tr
from app.core.levels import COPY, Level
from app.gguf_file.header_writer import (
    PlacedTensor,
    header_bytes,
    metadata_for,
    padded,
    without_vocabulary,
)
from app.gguf_file.tensor_names import EMBEDDING, OUTPUT
from app.gguf_file.tensor_types import TENSOR_TYPES, TYPE_NUMBERS, type_name
from app.native.library import load_llama, log
from app.native.quantization import (
    can_dequantize,
    needs_importance,
    row_size_bytes,
)

_FTYPE_ALL_F32 = 0
_NEEDS_IMPORTANCE = "will require an imatrix"
_NEVER_BOUND = frozenset({EMBEDDING, OUTPUT})
_BOUND_LEVEL, _BOUND_LEVELS_TYPE = "Q2_K_S", "q2_K"
_TENSOR_LINE = re.compile(
    r"\[\s*\d+/\s*\d+\] (?P<name>\S+)\s+- \[[^\]]*\], type =\s+(?P<old>\S+), size =[^\n(]*"
    r"(?:\((?P<new>\S+)\))?\n"
)


@dataclass(frozen=True)
class TypePlan:
    """The file for a level: its header, then its tensors in the order they are written.

    With `has_own_types` the user named the types of all quantized tensors, and the level none.
    """

    level: Level
    architecture: str
    metadata: dict[str, bytes]
    header_size_bytes: int
    tensors: tuple[PlacedTensor, ...]
    has_own_types: bool = False

    @property
    def size_bytes(self) -> int:
        """The size of the whole file."""
        return self.header_size_bytes + self.tensors_bytes

    @property
    def tensors_bytes(self) -> int:
        """The size of the tensors with padding."""
        return sum(padded(tensor.size_bytes) for tensor in self.tensors)

    @property
    def weights_bytes(self) -> int:
        """The size of the tensors without padding."""
        return sum(tensor.size_bytes for tensor in self.tensors)

    @property
    def bits_per_weight(self) -> float:
        """The average over all tensors."""
        weights = sum(math.prod(tensor.shape) for tensor in self.tensors)
        return 8 * self.weights_bytes / weights


@dataclass(frozen=True)
class HollowFile:
    """A model without its weights: a header, equally long at every level, and a hole.

    `without_vocabulary` is a second file with none: to read one takes llama.cpp a second.
    """

    path: Path
    without_vocabulary: Path
    header_size_bytes: int


@contextmanager
def hollow_file(layout: Layout, choices: TypeChoices = NO_CHOICES) -> Iterator[HollowFile]:
    """Write a hollow file of the model, in the layout's types; it is deleted after the block."""
    placed = [_placed(tensor, tensor.type_number) for tensor in layout.tensors]
    metadata = _metadata(layout, _FTYPE_ALL_F32, choices)
    header = header_bytes(metadata, placed)
    short = header_bytes(without_vocabulary(layout.architecture, metadata), placed)
    with _hollow(header, placed) as path, _hollow(short, placed) as short_path:
        yield HollowFile(path, short_path, len(header))


@contextmanager
def hollow_level(plan: TypePlan) -> Iterator[Path]:
    """Write a hollow file for a plan, without vocabulary; it is deleted after the block.

    It takes the memory that the file would: the number of tokens is there.
    """
    metadata = without_vocabulary(plan.architecture, plan.metadata)
    with _hollow(header_bytes(metadata, plan.tensors), plan.tensors) as path:
        yield path


@contextmanager
def _hollow(header: bytes, tensors: Iterable[PlacedTensor]) -> Iterator[Path]:
    with temporary_folder() as folder:
        path = folder / "hollow.gguf"
        with raising_app_errors(folder), path.open("wb") as file:
            file.write(header)
            extend_with_hole(file, sum(padded(tensor.size_bytes) for tensor in tensors))
        yield path


def plan_types(layout: Layout, hollow: HollowFile, level: Level, choices: TypeChoices) -> TypePlan:
    """Plan one level of a model.

    Raises:
        AppError: `level_needs_importance_matrix`, `type_needs_importance_matrix`;
            `importance_matrix_incomplete`, `importance_matrix_misfit`; `type_unknown`;
            `weights_quantized_already`; `converter_failed`, when llama.cpp can't quantize this
            model.
    """
    by_name = {tensor.name: tensor for tensor in layout.tensors}
    tensors = tuple(
        _placed(_requantizable(by_name[name], type_number, choices), type_number)
        for name, type_number in _dry_run(hollow.without_vocabulary, level, choices)
    )
    if len(tensors) != len(by_name):
        reason = tr(
            "its dry run named {found} of {count} tensors",
            found=len(tensors),
            count=len(by_name),
        )
        raise AppError(ErrorCode.CONVERTER_FAILED, reason=reason)
    for tensor in tensors:
        if tensor.type_number != by_name[tensor.name].type_number:
            _require_importance(tensor, level, choices)
    metadata = _metadata(layout, None if level == COPY else level.ftype, choices)
    return TypePlan(
        level,
        layout.architecture,
        metadata,
        hollow.header_size_bytes,
        tensors,
        _has_own_types(tensors, choices),
    )


def _has_own_types(tensors: Iterable[PlacedTensor], choices: TypeChoices) -> bool:
    quantized = [
        tensor.name for tensor in tensors if TENSOR_TYPES[tensor.type_number].block_size > 1
    ]
    return bool(quantized) and all(map(choices.name_type_of, quantized))


def _metadata(layout: Layout, ftype: int | None, choices: TypeChoices) -> dict[str, bytes]:
    return metadata_for(layout.metadata, ftype, choices.entries())


def plan_as_laid_out(layout: Layout, level: Level) -> TypePlan:
    """Plan a file whose types the converter has chosen itself, such as a projector's."""
    tensors = tuple(_placed(tensor, tensor.type_number) for tensor in layout.tensors)
    header_size_bytes = len(header_bytes(layout.metadata, tensors))
    return TypePlan(level, layout.architecture, layout.metadata, header_size_bytes, tensors)


def _dry_run(hollow: Path, level: Level, choices: TypeChoices) -> list[tuple[str, int]]:
    with quantize_parameters(level, choices) as parameters, log.recording() as pieces:
        status = load_llama().llama_model_quantize(os.fsencode(hollow), b"", parameters)
    if status:
        raise AppError(ErrorCode.CONVERTER_FAILED, reason=log.reason())
    text = "".join(pieces)
    found = [
        (line["name"], TYPE_NUMBERS[line["new"] or line["old"]])
        for line in _TENSOR_LINE.finditer(text)
    ]
    if _NEEDS_IMPORTANCE in text:
        bound = (entry for entry in found if TENSOR_TYPES[entry[1]].needs_importance)
        raise _importance_missing(*next(bound, ("", 0)), level, choices)
    return found


def _require_importance(tensor: PlacedTensor, level: Level, choices: TypeChoices) -> None:
    """Refuse what llama.cpp would refuse: a dry run does not read the importance matrix."""
    if not _needs_importance(tensor, level):
        return
    if choices.importance_of(tensor.name, tensor.shape) is not None:
        return
    if choices.importance is not None:
        raise AppError(ErrorCode.IMPORTANCE_MATRIX_INCOMPLETE, tensor=tensor.name)
    if not choices.has_importance:
        raise _importance_missing(tensor.name, tensor.type_number, level, choices)


def _importance_missing(
    tensor: str, type_number: int, level: Level, choices: TypeChoices
) -> AppError:
    if not choices.name_type_of(tensor):
        return AppError(ErrorCode.LEVEL_NEEDS_IMPORTANCE_MATRIX, level=level.name)
    kind = type_name(type_number).lower()
    return AppError(ErrorCode.TYPE_NEEDS_IMPORTANCE_MATRIX, type=kind, tensor=tensor)


def _needs_importance(tensor: PlacedTensor, level: Level) -> bool:
    """Apply `tensor_requires_imatrix` of src/llama-quant.cpp, and ggml's own rule."""
    if needs_importance(tensor.type_number):
        return True
    if tensor.name in _NEVER_BOUND:
        return False
    kind = TENSOR_TYPES[tensor.type_number]
    return kind.needs_importance or (
        level.name == _BOUND_LEVEL and kind.ggml_name == _BOUND_LEVELS_TYPE
    )


def _requantizable(tensor: LaidOutTensor, type_number: int, choices: TypeChoices) -> LaidOutTensor:
    """Return the tensor; refuse a quantized one that would lose more quality without consent."""
    loses = tensor.is_lossy and not _represents_all_of(type_number, tensor.type_number)
    if loses and not (choices.requantizes and can_dequantize(tensor.type_number)):
        kind = type_name(tensor.type_number)
        raise AppError(ErrorCode.WEIGHTS_QUANTIZED_ALREADY, holder=tensor.name, type=kind)
    return tensor


def _represents_all_of(type_number: int, quantized_type: int) -> bool:
    """Return whether a type can represent every number that a block format can.

    Numbers of 4 bits times a scale of 8 or less have a significand of 8 bits at most.
    """
    in_sixteen_bits = type_number == BFLOAT16 and quantized_type in {MXFP4, NVFP4}
    return type_number in {quantized_type, FLOAT32} or in_sixteen_bits


def _placed(tensor: LaidOutTensor, type_number: int) -> PlacedTensor:
    if type_number == tensor.type_number:
        size_bytes = tensor.size_bytes
    else:
        *outer, width = tensor.shape
        size_bytes = math.prod(outer) * row_size_bytes(type_number, width)
    return PlacedTensor(tensor.name, _as_ggml_counts(tensor.shape), type_number, size_bytes)


def _as_ggml_counts(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape without its slowest dimensions of 1 (`ggml_n_dims` in ggml/src/ggml.c)."""
    while len(shape) > 1 and shape[0] == 1:
        shape = shape[1:]
    return shape
