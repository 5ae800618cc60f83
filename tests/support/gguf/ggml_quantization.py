"""ggml's own quantization, which the kernels must equal and beat."""

from __future__ import annotations

import ctypes
import functools

import numpy as np
import numpy.typing as npt

from app.native.library import load_ggml_base
from app.native.quantization import row_size_bytes


def ggml_quantize(
    type_number: int,
    rows: npt.NDArray[np.float32],
    importance: npt.NDArray[np.float32] | None = None,
) -> npt.NDArray[np.uint8]:
    """Return the bytes (row count x row size) of ggml_quantize_chunk for `rows`."""
    quantize = load_ggml_base().ggml_quantize_chunk
    quantize.restype = ctypes.c_size_t
    quantize.argtypes = [
        *(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p),
        *(ctypes.c_int64, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p),
    ]
    count, width = rows.shape
    target = np.empty((count, row_size_bytes(type_number, width)), dtype=np.uint8)
    address = None if importance is None else importance.ctypes.data
    quantize(type_number, rows.ctypes.data, target.ctypes.data, 0, count, width, address)
    return target


@functools.cache
def silence_llama_cpp() -> object:
    """Turn the log off; the callback is kept forever, because the library keeps its pointer."""
    from llama_cpp import llama_cpp

    silence = llama_cpp.llama_log_callback(lambda *_: None)
    llama_cpp.llama_log_set(silence, None)
    return silence
