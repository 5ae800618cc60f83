"""Evaluate the converter's lazy tensors with as little memory as possible.

By itself, the converter maps a weight file and widens a whole tensor of bfloat16 at a time, so
that the file's pages and the numbers are in memory together; and it holds every expert while it
stacks them. A lazy tensor is a function and its arguments (gguf-py/gguf/lazy.py); they have no
public names.
"""

# ruff: noqa: SLF001

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from app.checkpoint.folder_kind import is_outline
from app.conversion.converter.patches.lazy_assignment import run_step
from app.conversion.converter.patches.missing_weights import require_weights
from app.conversion.converter.weight_provider import provided_weights
from app.conversion.layout.layout import BFLOAT16, FLOAT16, FLOAT32, WeightRange
from app.conversion.layout.stored_rows import StoredRows
from app.gguf_file.tensor_types import FLOATING_TYPES
from app.native.quantization import dequantize_rows

_PIECE_BYTES = 2**22
_NUMBERS = {"F32": FLOAT32, "F16": FLOAT16, "BF16": BFLOAT16}
"""safetensors' names of the floating types."""


def evaluated(lazy: Any, type_number: int) -> npt.NDArray[Any]:
    """Return the values of a tensor that the converter would write as ggml's type `type_number`.

    They are of 32 bits for bfloat16, of the type's own width for the other floating types, and the
    bytes of its blocks for any other type. Weights that are in memory as they would be written are
    left as bytes, too.
    """
    from gguf import LazyChunkedTensor, LazyNumpyTensor

    if isinstance(lazy, LazyChunkedTensor):
        return _read_chunks(lazy)
    if (held := _held_as_stored(lazy, type_number)) is not None:
        return held
    if type_number == BFLOAT16 and isinstance(lazy, LazyNumpyTensor):
        # What the lazy rounding to bfloat16 would be given.
        lazy = lazy._args[0]
    numbers: npt.NDArray[Any] = _evaluate(lazy)
    if type_number == BFLOAT16 and numbers.dtype == np.uint8:
        return (numbers.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
    return numbers


def stored_rows(lazy: Any, shape: Sequence[int]) -> tuple[StoredRows, ...]:
    """Return where in the checkpoint a matrix's rows are stored (shape: slowest dimension first).

    Expert after expert, else in any order; of a part of a fused matrix, the whole of that. Empty
    where more happens to them on their way: columns that move, values that are computed.
    """
    *outer, width = shape
    sources: list[Any] = list(_sources(lazy, width)) if outer else []
    if any(source is None or source.dtype not in _NUMBERS for source in sources):
        return ()
    rows = tuple(
        StoredRows(
            path=Path(source.data_range.filename),
            offset=source.data_range.offset,
            count=prod(source.shape[:-1]),
            width=width,
            type_number=_NUMBERS[source.dtype],
        )
        for source in sources
    )
    experts = prod(outer[:-1])
    return () if sum(part.count for part in rows) % experts else rows


def is_as_stored(lazy: Any, type_number: int) -> bool:
    """Return whether a tensor is stored as the converter would write it as ggml's `type_number`.

    Its rows are then those of `stored_rows`, in this order. Those of an outline are not stored.
    """
    places = _places_as_stored(lazy, type_number)
    folders = {place.file.parent for place in places}
    return bool(folders) and not any(map(is_outline, folders))


def _held_as_stored(lazy: Any, type_number: int) -> npt.NDArray[np.uint8] | None:
    """Return the bytes of each row, if the tensor is in memory as it would be written."""
    held = [provided_weights(place) for place in _places_as_stored(lazy, type_number)]
    parts = [part for part in held if part is not None]
    if not parts or len(parts) < len(held):
        return None
    whole = parts[0] if len(parts) == 1 else np.concatenate(parts)
    return whole.reshape(*lazy.shape[:-1], -1)


def _places_as_stored(lazy: Any, type_number: int) -> list[WeightRange]:
    """Return the stored tensors that are a tensor's parts in order, type and values; [] if not.

    The converter may widen values to 32 bits and make them narrow again, and it stacks experts.
    """
    from gguf import LazyNumpyTensor
    from gguf.lazy import LazyBase

    match lazy:
        case LazyNumpyTensor(_args=[LazyNumpyTensor(_args=[LazyBase() as whole])]):
            is_type_change = type_number == BFLOAT16
        case LazyNumpyTensor(_args=[LazyNumpyTensor(_args=[LazyBase() as whole]), type() as kind]):
            is_type_change = kind in {np.float16, np.float32}
        case _:
            return []
    # A tensor of torch becomes one of numpy by nothing but the step that says so.
    if not is_type_change or isinstance(whole, LazyNumpyTensor):
        return []
    parts = whole._args[0] if _is_stack(whole) else [whole]
    places = [_place_of(part, type_number) for part in parts]
    found = [place for place in places if place is not None]
    return found if len(found) == len(places) else []


def _place_of(lazy: Any, type_number: int) -> WeightRange | None:
    """Return the place of a tensor of torch that is a stored one of a type, or this in 32 bits."""
    source = _widened_source(lazy) or _stored_source(lazy)
    if source is None:
        return None
    if _NUMBERS.get(source.dtype) != type_number or tuple(source.shape) != tuple(lazy.shape):
        return None
    return _range_of(source)


def _range_of(source: Any) -> WeightRange:
    place = source.data_range
    return WeightRange(Path(place.filename), place.offset, place.size)


def weights_read(lazy: Any) -> frozenset[WeightRange] | None:
    """Return the stored tensors that evaluating a lazy tensor reads; None where that is unknown."""
    from gguf import LazyChunkedTensor
    from gguf.lazy import LazyBase
    from gguf.utility import LocalTensor

    found: set[WeightRange] = set()
    visited: set[int] = set()
    pending = [lazy]
    while pending:
        match pending.pop():
            case LazyChunkedTensor():
                # Its chunks are functions, whose reads are unknown.
                return None
            case LocalTensor() as source:
                found.add(_range_of(source))
            case LazyBase() as step if id(step) not in visited and step._data is None:
                visited.add(id(step))
                pending += [*step._args, *step._kwargs.values()]
            case list() | tuple() as several:
                pending += several
    return frozenset(found)


def _sources(lazy: Any, width: int) -> Iterator[Any]:
    """Yield the stored tensors that a lazy one is made of, or None where that is unknown.

    A step that moves columns shows in the shape of its result; only a square matrix that is turned
    on its side does not, whose columns are then taken for its rows.
    """
    from gguf.lazy import LazyBase
    from gguf.utility import LocalTensor

    match lazy:
        case LocalTensor():
            yield lazy if len(lazy.shape) > 1 and lazy.shape[-1] == width else None
        case LazyBase():
            if not lazy._args or not _keeps_columns(lazy._meta, width):
                yield None
                return
            for argument in lazy._args:
                yield from _sources(argument, width)
        case list() | tuple():
            for part in lazy:
                yield from _sources(part, width)


def _keeps_columns(meta: Any, width: int) -> bool:
    import torch

    # Of numpy's steps there are only those that change the type.
    return not isinstance(meta, torch.Tensor) or meta.shape[-1:] == (width,)


def _evaluate(lazy: Any) -> Any:
    from gguf.lazy import LazyBase

    if not isinstance(lazy, LazyBase):
        return lazy
    if lazy._data is not None:
        return lazy._data
    if (source := _widened_source(lazy)) is not None:
        return _read_wide(source)
    if _is_stack(lazy):
        return _stacked(lazy)
    return run_step(lazy, _evaluate)


def _widened_source(lazy: Any) -> Any | None:
    """Return the stored tensor, if this is only its bfloat16 values widened to 32 bits."""
    import torch
    from gguf.lazy import LazyBase

    match lazy:
        case LazyBase(_args=[LazyBase(dtype=torch.bfloat16) as tensor, torch.float32]):
            return _stored_source(tensor) if tensor.shape == lazy.shape else None
    return None


def _stored_source(lazy: Any) -> Any | None:
    """Return the stored tensor, if this is only its values; None once they were read."""
    from gguf.lazy import LazyBase
    from gguf.utility import LocalTensor

    match lazy:
        case LazyBase(_args=[LocalTensor() as source]):
            return source
    return None


def _read_wide(source: Any) -> Any:
    import torch

    place = source.data_range
    numbers = np.empty((1, place.size // 2), dtype=np.float32)
    start = 0
    for piece in _pieces(_range_of(source)):
        into = numbers[:, start // 2 : (start + piece.size) // 2]
        dequantize_rows(BFLOAT16, piece.reshape(1, -1), into)
        start += piece.size
    return torch.from_numpy(numbers).reshape(source.shape)


def _pieces(weights: WeightRange) -> Iterator[npt.NDArray[np.uint8]]:
    """Yield the bytes of a stored tensor piece by piece."""
    starts = range(0, weights.size_bytes, _PIECE_BYTES)
    if (held := provided_weights(weights)) is not None:
        yield from (held[start : start + _PIECE_BYTES] for start in starts)
        return
    require_weights(weights.file, weights.size_bytes)
    with weights.file.open("rb", buffering=0) as file:
        file.seek(weights.offset)
        for start in starts:
            yield np.fromfile(file, np.uint8, min(_PIECE_BYTES, weights.size_bytes - start))


def _is_stack(lazy: Any) -> bool:
    import torch

    return lazy._func is torch.stack and lazy._kwargs == {"dim": 0} and len(lazy._args) == 1


def _stacked(lazy: Any) -> Any:
    """Return the parts stacked; each is released before the next one is read."""
    import torch

    stacked = torch.empty(lazy.shape, dtype=lazy.dtype)
    for number, part in enumerate(lazy._args[0]):
        stacked[number] = _evaluate(part)
    return stacked


def _read_chunks(lazy: Any) -> npt.NDArray[Any]:
    from gguf import GGMLQuantizationType
    from gguf.quants import quantize

    # It can only write to a file itself.
    target = lazy._qtype
    if target in FLOATING_TYPES:
        target = GGMLQuantizationType.F32
    return np.concatenate([quantize(load(), target) for load in lazy._chunks])
