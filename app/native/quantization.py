"""Quantize to ggml's block formats, and read their sizes."""

from __future__ import annotations

import ctypes
import functools

import numpy as np
import numpy.typing as npt

from app.native import kernels
from app.native.library import load_ggml_base

_TRIAL_SHAPE = (16, 512)
_FLOAT32 = 0
_ToFloat = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)


class _TypeTraits(ctypes.Structure):
    """The beginning of `struct ggml_type_traits` of ggml.h."""

    _fields_ = (
        ("type_name", ctypes.c_char_p),
        ("block_size", ctypes.c_int64),
        ("block_size_interleave", ctypes.c_int64),
        ("type_size", ctypes.c_size_t),
        ("is_quantized", ctypes.c_bool),
        ("to_float", _ToFloat),
    )


@functools.cache
def _ggml() -> ctypes.CDLL:
    library = load_ggml_base()
    library.ggml_row_size.restype = ctypes.c_size_t
    library.ggml_row_size.argtypes = [ctypes.c_int, ctypes.c_int64]
    library.ggml_get_type_traits.restype = ctypes.POINTER(_TypeTraits)
    library.ggml_get_type_traits.argtypes = [ctypes.c_int]
    library.ggml_quantize_requires_imatrix.restype = ctypes.c_bool
    library.ggml_quantize_requires_imatrix.argtypes = [ctypes.c_int]
    library.ggml_validate_row_data.restype = ctypes.c_bool
    library.ggml_validate_row_data.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t]
    library.ggml_quantize_chunk.restype = ctypes.c_size_t
    library.ggml_quantize_chunk.argtypes = [
        ctypes.c_int,
        ctypes.c_void_p,
        ctypes.c_void_p,
        ctypes.c_int64,
        ctypes.c_int64,
        ctypes.c_int64,
        ctypes.c_void_p,
    ]
    return library


def needs_importance(type_number: int) -> bool:
    """Return whether ggml aborts when it quantizes to a type without an importance matrix."""
    needs: bool = _ggml().ggml_quantize_requires_imatrix(type_number)
    return needs


def is_finite(type_number: int, quantized: npt.NDArray[np.uint8]) -> bool:
    """Return whether quantized data (contiguous) dequantizes to finite values."""
    valid: bool = _ggml().ggml_validate_row_data(
        type_number, quantized.ctypes.data, quantized.nbytes
    )
    return valid


def row_size_bytes(type_number: int, width: int) -> int:
    """Return the bytes of a row of `width` weights, a multiple of the type's block size."""
    size: int = _ggml().ggml_row_size(type_number, width)
    return size


def can_dequantize(type_number: int) -> bool:
    """Return whether ggml can dequantize a type."""
    return bool(_ggml().ggml_get_type_traits(type_number).contents.to_float)


def dequantize_rows(
    type_number: int,
    rows: npt.NDArray[np.uint8],
    into: npt.NDArray[np.float32] | None = None,
) -> npt.NDArray[np.float32]:
    """Dequantize `rows` (row count x row size in bytes, contiguous) of a type.

    Runs without the interpreter's lock. The type must be one that ggml can dequantize;
    `into` (row count x width, contiguous) takes them, when it is given.
    """
    if type_number == _FLOAT32:
        return rows.view(np.float32)
    traits = _ggml().ggml_get_type_traits(type_number).contents
    count, row_size = rows.shape
    width = row_size // traits.type_size * traits.block_size
    numbers = np.empty((count, width), dtype=np.float32) if into is None else into
    traits.to_float(rows.ctypes.data, numbers.ctypes.data, count * width)
    return numbers


def quantize_rows(
    type_number: int,
    rows: npt.NDArray[np.float32],
    importance: npt.NDArray[np.float32] | None = None,
    *,
    reference_only: bool = False,
) -> npt.NDArray[np.uint8]:
    """Quantize `rows` (row count x width, contiguous) to bytes (row count x `row_size_bytes`).

    Runs without the interpreter's lock, so that several threads can work side by side.

    Args:
        type_number: ggml's number for the type.
        rows: finite numbers; the width is a multiple of the type's block size.
        importance: one weight for each column, shared by all rows.
        reference_only: use ggml's own code, also where there is a kernel.
    """
    if not reference_only and _has_exact_kernel(type_number):
        quantized = kernels.quantize(type_number, rows, importance)
        if quantized is not None:
            return quantized
    return _quantize_by_ggml(type_number, rows, importance)


@functools.cache
def _has_exact_kernel(type_number: int) -> bool:
    """Return whether a kernel yields exactly ggml's bytes: compilers may differ.

    A compiler that fuses multiplications and additions in one of the two would make them differ.
    """
    random = np.random.default_rng(type_number)
    rows = random.standard_normal(_TRIAL_SHAPE, dtype=np.float32)
    importance = random.random(_TRIAL_SHAPE[1], dtype=np.float32)
    for weights in (None, importance):
        quantized = kernels.quantize(type_number, rows, weights)
        if quantized is None:
            return False
        if not np.array_equal(quantized, _quantize_by_ggml(type_number, rows, weights)):
            return False
    return True


def _quantize_by_ggml(
    type_number: int,
    rows: npt.NDArray[np.float32],
    importance: npt.NDArray[np.float32] | None,
) -> npt.NDArray[np.uint8]:
    count, width = rows.shape
    target = np.empty((count, row_size_bytes(type_number, width)), dtype=np.uint8)
    weights = None if importance is None else np.ascontiguousarray(importance, dtype=np.float32)
    address = None if weights is None else weights.ctypes.data
    _ggml().ggml_quantize_chunk(
        type_number, rows.ctypes.data, target.ctypes.data, 0, count, width, address
    )
    return target
