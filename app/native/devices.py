"""The devices that the engine can compute on, through ggml's device functions."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass

from app.native.library import load_ggml, load_ggml_base

_INTEGRATED_TYPE = 2
_GPU_TYPES = frozenset({1, _INTEGRATED_TYPE})
_UNIFIED_BACKENDS = frozenset({"MTL", "Metal"})


@dataclass(frozen=True)
class Device:
    """A device: ggml's names for it and its backend, what it is, and its memory in bytes.

    With `shares_memory` it computes in the machine's own memory.
    """

    name: str
    backend: str
    description: str
    is_gpu: bool
    shares_memory: bool
    free_bytes: int
    total_bytes: int


def devices() -> tuple[Device, ...]:
    """All devices that ggml sees, in its order."""
    return tuple(_devices())


def gpu_pointers() -> list[int]:
    """Ggml's pointers to the devices that are not the processor."""
    base = load_ggml_base()
    base.ggml_backend_dev_type.argtypes = [ctypes.c_void_p]
    return [device for device in _pointers() if base.ggml_backend_dev_type(device) in _GPU_TYPES]


def _pointers() -> list[int]:
    ggml = load_ggml()
    return [ggml.ggml_backend_dev_get(index) for index in range(ggml.ggml_backend_dev_count())]


def _devices() -> Iterator[Device]:
    base = load_ggml_base()
    for function in (base.ggml_backend_dev_name, base.ggml_backend_dev_description):
        function.restype, function.argtypes = ctypes.c_char_p, [ctypes.c_void_p]
    base.ggml_backend_dev_type.argtypes = [ctypes.c_void_p]
    for function in (base.ggml_backend_dev_backend_reg, base.ggml_backend_reg_name):
        function.argtypes = [ctypes.c_void_p]
    base.ggml_backend_dev_backend_reg.restype = ctypes.c_void_p
    base.ggml_backend_reg_name.restype = ctypes.c_char_p
    base.ggml_backend_dev_memory.argtypes = [ctypes.c_void_p] + [
        ctypes.POINTER(ctypes.c_size_t)
    ] * 2
    for device in _pointers():
        free, total = ctypes.c_size_t(), ctypes.c_size_t()
        base.ggml_backend_dev_memory(device, ctypes.byref(free), ctypes.byref(total))
        kind = base.ggml_backend_dev_type(device)
        registry = base.ggml_backend_dev_backend_reg(device)
        backend = base.ggml_backend_reg_name(registry).decode("utf-8", "replace")
        yield Device(
            name=base.ggml_backend_dev_name(device).decode("utf-8", "replace"),
            backend=backend,
            description=base.ggml_backend_dev_description(device).decode("utf-8", "replace"),
            is_gpu=kind in _GPU_TYPES,
            shares_memory=kind == _INTEGRATED_TYPE or backend in _UNIFIED_BACKENDS,
            free_bytes=free.value,
            total_bytes=total.value,
        )
