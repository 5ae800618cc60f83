"""Access to ggml's tensors by address, as the scheduler's evaluation callback gets them."""

from __future__ import annotations

import ctypes
import functools
from typing import Any

import numpy as np
import numpy.typing as npt

from app.native.library import load_ggml_base

_DIMENSIONS, _SOURCES, _PARAMETER_BYTES, _NAME_BYTES = 4, 10, 64, 64
_MAX_OPERATIONS = 64


class Tensor(ctypes.Structure):
    """`struct ggml_tensor` of ggml.h; `ne` are the lengths, the row's first, `nb` the strides."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("buffer", ctypes.c_void_p),
        ("ne", ctypes.c_int64 * _DIMENSIONS),
        ("nb", ctypes.c_size_t * _DIMENSIONS),
        ("op", ctypes.c_int),
        ("op_params", ctypes.c_byte * _PARAMETER_BYTES),
        ("flags", ctypes.c_int32),
        ("src", ctypes.c_void_p * _SOURCES),
        ("view_src", ctypes.c_void_p),
        ("view_offs", ctypes.c_size_t),
        ("data", ctypes.c_void_p),
        ("name", ctypes.c_char * _NAME_BYTES),
        ("extra", ctypes.c_void_p),
        ("padding", ctypes.c_char * 8),
    )

    def source(self, index: int) -> Tensor:
        """Return the tensor that this one is computed from."""
        return Tensor.from_address(self.src[index])

    def weight_name(self) -> str:
        """Return the name without the scheduler's additions: `CUDA0#NAME#0` becomes `NAME`."""
        parts = self.name.split(b"#", 2)
        return str((parts[1] if len(parts) > 1 else parts[0]).decode("utf-8", "replace"))

    def values(self, dtype: type[np.generic]) -> npt.NDArray[Any]:
        """Return the values, slowest dimension first: a view if they are in memory, else a copy."""
        ggml, address = _ggml(), ctypes.addressof(self)
        size = ggml.ggml_nbytes(address)
        if ggml.ggml_backend_buffer_is_host(self.buffer):
            memory = (ctypes.c_char * size).from_address(self.data)
        else:
            memory = (ctypes.c_char * size)()
            ggml.ggml_backend_tensor_get(address, memory, 0, size)
        return np.ndarray(self.ne[::-1], dtype, memory, strides=self.nb[::-1])


@functools.cache
def operation_number(name: str) -> int:
    """Return the number that ggml has for an operation, such as `MUL_MAT`."""
    wanted, ggml = name.encode(), _ggml()
    return next(n for n in range(_MAX_OPERATIONS) if ggml.ggml_op_name(n) == wanted)


@functools.cache
def _ggml() -> ctypes.CDLL:
    library = load_ggml_base()
    library.ggml_nbytes.restype = ctypes.c_size_t
    library.ggml_nbytes.argtypes = [ctypes.c_void_p]
    library.ggml_op_name.restype = ctypes.c_char_p
    library.ggml_op_name.argtypes = [ctypes.c_int]
    library.ggml_backend_buffer_is_host.restype = ctypes.c_bool
    library.ggml_backend_buffer_is_host.argtypes = [ctypes.c_void_p]
    library.ggml_backend_tensor_get.restype = None
    library.ggml_backend_tensor_get.argtypes = [
        ctypes.c_void_p,
        ctypes.c_void_p,
        ctypes.c_size_t,
        ctypes.c_size_t,
    ]
    return library
