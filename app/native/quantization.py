"""ggml's block formats: their sizes, and quantization by ggml's own reference code."""

from __future__ import annotations

import ctypes
import functools

import numpy as np
import numpy.typing as npt

from app.native.library import load_ggml_base


@functools.cache
def _ggml() -> ctypes.CDLL:
    library = load_ggml_base()
    library.ggml_row_size.restype = ctypes.c_size_t
    library.ggml_row_size.argtypes = [ctypes.c_int, ctypes.c_int64]
    library.ggml_type_name.restype = ctypes.c_char_p
    library.ggml_type_name.argtypes = [ctypes.c_int]
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


@functools.cache
def type_numbers() -> dict[str, int]:
    """The number of each type by ggml's name for it, such as `q4_K`."""
    # Imported late: in the converter's process gguf is the converter's own.
    import gguf

    # Asking ggml for the name of a number that it does not have reads beyond its table.
    numbers = [int(number) for number in gguf.GGMLQuantizationType]
    return {_ggml().ggml_type_name(number).decode(): number for number in numbers}


def row_size_bytes(type_number: int, width: int) -> int:
    """Bytes of one row of `width` weights; the width is a multiple of the type's block size."""
    size: int = _ggml().ggml_row_size(type_number, width)
    return size


def quantize_rows(type_number: int, rows: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """Quantise `rows` (row count x width, contiguous) to bytes (row count x `row_size_bytes`).

    Runs without the interpreter's lock, so that several threads can work side by side.
    """
    count, width = rows.shape
    target = np.empty((count, row_size_bytes(type_number, width)), dtype=np.uint8)
    _ggml().ggml_quantize_chunk(
        type_number, rows.ctypes.data, target.ctypes.data, 0, count, width, None
    )
    return target
