"""From a plan to the finished file, in one pass: read a tensor, quantise it, write it, let go."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from app.conversion.bridge import FLOAT32, Layout
from app.conversion.header import PlacedTensor, header_bytes, metadata_for, padded
from app.conversion.type_plan import TypePlan
from app.core.errors import AppError, ErrorCode
from app.core.events import Event, Progressed
from app.core.files import require_space, whole_or_absent
from app.library.header import read_header
from app.native.quantization import quantize_rows

_CHUNK_WEIGHTS = 2**20


def write_models(
    layout: Layout,
    plans: dict[Path, TypePlan],
    threads: int,
    report: Callable[[Event], None],
) -> None:
    """Write every plan to its path from one reading of the weights, which `layout` gives up.

    Each file is whole under its name, or absent; its header has been read back.

    Raises:
        AppError: `weights_not_finite`, `converter_failed`, and what `whole_or_absent` raises.
    """
    for path, plan in plans.items():
        require_space(path.parent, plan.size_bytes)
    total_bytes = sum(plan.weights_bytes for plan in plans.values())
    loaders = {tensor.name: tensor for tensor in layout.tensors}
    done_bytes = 0
    with ThreadPoolExecutor(threads) as pool, ExitStack() as open_files:
        files = [open_files.enter_context(whole_or_absent(path)) for path in plans]
        for file, plan in zip(files, plans.values(), strict=True):
            metadata = metadata_for(layout.metadata, plan.level.ftype)
            file.write(header_bytes(layout.architecture, metadata, plan.tensors))
        # llama.cpp orders tensors by name, so that all levels have the same order.
        for placed in zip(*(plan.tensors for plan in plans.values()), strict=True):
            source = loaders[placed[0].name]
            weights = source.load()
            for file, tensor in zip(files, placed, strict=True):
                for size_bytes in _write(file, tensor, weights, source.type_number, pool):
                    done_bytes += size_bytes
                    report(Progressed("convert", done_bytes, total_bytes, tensor.name))
        for file in files:
            file.flush()
            read_header(Path(file.name))


def _write(
    file: BinaryIO,
    tensor: PlacedTensor,
    weights: npt.NDArray[Any],
    source_type: int,
    pool: Executor,
) -> Iterator[int]:
    """Write one tensor chunk by chunk; gives the bytes of each chunk."""
    for chunk in _converted(tensor, weights, source_type, pool):
        file.write(chunk.data)
        yield chunk.nbytes
    file.write(bytes(padded(tensor.size_bytes) - tensor.size_bytes))


def _converted(
    tensor: PlacedTensor, weights: npt.NDArray[Any], source_type: int, pool: Executor
) -> Iterator[npt.NDArray[np.uint8]]:
    if source_type == FLOAT32:
        width = tensor.shape[-1]
        rows = np.ascontiguousarray(weights, dtype=np.float32).reshape(-1, width)
        step = max(1, _CHUNK_WEIGHTS // width)
        chunks = [rows[start : start + step] for start in range(0, len(rows), step)]
        yield from pool.map(partial(_quantized, tensor), chunks)
    elif source_type == tensor.type_number:
        # The checkpoint is in this block format already.
        yield np.ascontiguousarray(weights).view(np.uint8).reshape(-1)
    else:
        reason = f"the tensor {tensor.name} is quantised already, in another way"
        raise AppError(ErrorCode.CONVERTER_FAILED, reason=reason)


def _quantized(tensor: PlacedTensor, rows: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    if not np.isfinite(rows).all():
        raise AppError(ErrorCode.WEIGHTS_NOT_FINITE, tensor=tensor.name)
    return quantize_rows(tensor.type_number, rows)
