"""Write the planned file in one pass: read a tensor, quantize it, write it, release it."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from itertools import accumulate, zip_longest
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from app.conversion.layout.layout import LaidOutTensor, Layout
from app.conversion.layout.stored_rows import StoredRows
from app.conversion.type_choices import NO_CHOICES, TypeChoices
from app.conversion.type_plan import TypePlan
from app.core.errors import AppError, ErrorCode
from app.core.events import Event, Progressed
from app.core.files import open_atomically, require_space
from app.gguf_file.header_reader import read_header
from app.gguf_file.header_writer import PlacedTensor, header_bytes, padded
from app.gguf_file.tensor_types import INTEGER_TYPES, type_name
from app.native.quantization import dequantize_rows, is_finite, quantize_rows

_CHUNK_WEIGHTS = 2**18
"""As numbers of 32 bits they stay in a core's cache from the check to the last byte."""
_CHUNKS_PER_THREAD = 2
MAX_READ_AHEAD_BYTES = 256 * 2**20
"""A tensor of more is read when its forerunner is done; in 32 bits it may be twice as large."""
_Bytes = npt.NDArray[np.uint8]
_Floats = npt.NDArray[np.float32]
_Rows = npt.NDArray[Any] | StoredRows


@dataclass(frozen=True)
class QuantizationOptions:
    """Options of a quantization; `reference_only` uses only ggml's own code."""

    threads: int
    choices: TypeChoices = NO_CHOICES
    reference_only: bool = False


def write_models(
    layout: Layout,
    plans: dict[Path, TypePlan],
    options: QuantizationOptions,
    report: Callable[[Event], None],
) -> None:
    """Write every plan to its path in one pass over the weights, which `layout` releases.

    While one tensor is quantized on all threads and written, the next is read. Each file is whole
    under its name, or absent; its header has been read back.

    Raises:
        AppError: `weights_not_finite`, `weights_too_large`, `converter_failed`,
            `importance_matrix_misfit`, and what `open_atomically` raises.
    """
    for path, plan in plans.items():
        require_space(path.parent, plan.size_bytes)
    total_bytes = sum(plan.weights_bytes for plan in plans.values())
    done_bytes = 0
    # A thread that a generator held would outlive a failure, until something collects it.
    with (
        ThreadPoolExecutor(options.threads) as pool,
        ThreadPoolExecutor(1) as reader,
        ExitStack() as open_files,
    ):
        models = [
            ModelFile(open_files.enter_context(open_atomically(path)), plan)
            for path, plan in plans.items()
        ]
        for model in models:
            model.begin()
        # llama.cpp orders tensors by name, so that all levels have the same order.
        order = [tensor.name for tensor in next(iter(plans.values())).tensors]
        for name, source in zip(order, _read_ahead(layout, order, reader), strict=True):
            for model in models:
                for size_bytes in model.write(name, source, pool, options):
                    done_bytes += size_bytes
                    report(Progressed("convert", done_bytes, total_bytes, name))
        for model in models:
            model.check()


class ModelFile:
    """A GGUF file that is being written by its plan, its tensors in any order."""

    def __init__(self, file: BinaryIO, plan: TypePlan) -> None:
        self.file = file
        self.plan = plan
        self._header = header_bytes(plan.metadata, plan.tensors)
        sizes = (padded(tensor.size_bytes) for tensor in plan.tensors)
        offsets = accumulate(sizes, initial=len(self._header))
        self._places = dict(zip((tensor.name for tensor in plan.tensors), offsets, strict=False))
        self._tensors = {tensor.name: tensor for tensor in plan.tensors}

    def begin(self) -> None:
        """Write the header."""
        self.file.write(self._header)

    def write(
        self, name: str, source: ReadWeights, pool: Executor, options: QuantizationOptions
    ) -> Iterator[int]:
        """Quantize a tensor and write it chunk by chunk; yield the bytes of each chunk."""
        tensor = self._tensors[name]
        if self.file.tell() != self._places[name]:
            self.file.seek(self._places[name])
        for chunk in _converted(tensor, source, pool, options):
            self.file.write(chunk.data)
            yield chunk.nbytes
        self.file.write(bytes(padded(tensor.size_bytes) - tensor.size_bytes))

    def check(self) -> None:
        """Read the header back.

        Raises:
            AppError: as `read_header`.
        """
        self.file.flush()
        read_header(Path(self.file.name))


@dataclass(frozen=True)
class ReadWeights:
    """A tensor's weights, in ggml's type `type_number`: as they were read, or where they lie."""

    type_number: int
    weights: npt.NDArray[Any] | tuple[StoredRows, ...]


def _read_ahead(layout: Layout, order: list[str], reader: Executor) -> Iterator[ReadWeights]:
    """Yield the tensors in `order`, reading each before the previous one is done, unless large."""
    by_name = {tensor.name: tensor for tensor in layout.tensors}
    tensors = [by_name[name] for name in order]
    ahead: Future[ReadWeights] | None = None
    for tensor, following in zip_longest(tensors, tensors[1:]):
        source = ahead.result() if ahead else read_weights(tensor)
        is_small = following is not None and following.size_bytes <= MAX_READ_AHEAD_BYTES
        ahead = reader.submit(read_weights, following) if is_small else None
        yield source


def read_weights(tensor: LaidOutTensor) -> ReadWeights:
    """Read a tensor's weights, once, unless their rows can be read a few at a time."""
    if not tensor.is_as_stored:
        return ReadWeights(tensor.type_number, tensor.load())
    for rows in tensor.stored:
        rows.will_be_read()
    return ReadWeights(tensor.type_number, tensor.stored)


def _converted(
    tensor: PlacedTensor, source: ReadWeights, pool: Executor, options: QuantizationOptions
) -> Iterator[_Bytes]:
    if source.type_number in INTEGER_TYPES:
        yield np.ascontiguousarray(source.weights).view(np.uint8).reshape(-1)
        return
    quantize = partial(_quantized, tensor, source.type_number, options)
    importance = options.choices.importance_of(tensor.name, tensor.shape)
    started: deque[Future[_Bytes]] = deque()
    for rows, columns in _chunks(tensor, source, importance):
        started.append(pool.submit(quantize, rows, columns))
        # More would wait in memory where the disk is slower than the cores.
        if len(started) > _CHUNKS_PER_THREAD * options.threads:
            yield started.popleft().result()
    yield from (chunk.result() for chunk in started)


def _chunks(
    tensor: PlacedTensor, source: ReadWeights, importance: _Floats | None
) -> Iterator[tuple[_Rows, _Floats | None]]:
    """Yield runs of rows with the importance of their columns; no run crosses experts."""
    *outer, width = tensor.shape
    count = math.prod(outer[-1:])
    step = max(1, _CHUNK_WEIGHTS // width)
    for index, rows in enumerate(_experts(source.weights, math.prod(outer[:-1]), count)):
        columns = None if importance is None else importance[index]
        for start in range(0, count, step):
            yield rows[start : start + step], columns


def _experts(
    weights: npt.NDArray[Any] | tuple[StoredRows, ...], experts: int, count: int
) -> Iterator[_Rows]:
    """Yield the `count` rows of every expert, of which there is one if it is a plain matrix."""
    if not isinstance(weights, tuple):
        yield from weights.reshape(experts, count, -1)
    elif len(weights) == 1:
        yield from (weights[0][index * count : (index + 1) * count] for index in range(experts))
    else:
        yield from weights


def _quantized(
    tensor: PlacedTensor,
    source_type: int,
    options: QuantizationOptions,
    rows: _Rows,
    importance: _Floats | None,
) -> _Bytes:
    if isinstance(rows, StoredRows):
        rows = rows.read_bytes()
    numbers = _numbers(source_type, rows)
    if not _are_finite(numbers):
        raise AppError(ErrorCode.WEIGHTS_NOT_FINITE, tensor=tensor.name)
    if rows.dtype == np.uint8 and source_type == tensor.type_number:
        return rows.reshape(-1)
    if tensor.name in options.choices.shifts:
        numbers = numbers + options.choices.shifts[tensor.name]
    quantized = _rounded_beforehand(tensor, numbers, options.choices)
    if quantized is None:
        quantized = quantize_rows(
            tensor.type_number, numbers, importance, reference_only=options.reference_only
        )
    if not is_finite(tensor.type_number, quantized):
        kind = type_name(tensor.type_number)
        raise AppError(ErrorCode.WEIGHTS_TOO_LARGE, tensor=tensor.name, type=kind)
    return quantized


def _rounded_beforehand(
    tensor: PlacedTensor, numbers: _Floats, choices: TypeChoices
) -> _Bytes | None:
    rounded = choices.rounded.get(tensor.name)
    if rounded is None or rounded.type_number != tensor.type_number:
        return None
    return rounded.find(numbers)


def _are_finite(numbers: _Floats) -> bool:
    # A sum is found faster than each number is looked at; only if it overflows, the numbers decide.
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(numbers.sum()) or np.isfinite(numbers).all())


def _numbers(type_number: int, rows: npt.NDArray[Any]) -> _Floats:
    if rows.dtype == np.uint8:
        return dequantize_rows(type_number, np.ascontiguousarray(rows))
    return np.ascontiguousarray(rows, dtype=np.float32)
