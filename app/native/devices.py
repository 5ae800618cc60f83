"""The devices that the engine can compute on, through ggml's device functions."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from app.native.library import load_ggml, load_ggml_base

_INTEGRATED_TYPE = 2
_ABILITIES_BYTES = 64
_GPU_TYPES = frozenset({1, _INTEGRATED_TYPE})
_UNIFIED_BACKENDS = frozenset({"MTL", "Metal"})
_BACKENDS_WITH_MEMORY = frozenset({"CUDA", "ROCm", "MUSA"})

Pointers = ctypes.Array[ctypes.c_void_p]
"""Devices as llama.cpp takes them: ggml's pointers, and a null at the end."""


class _Properties(ctypes.Structure):
    """`struct ggml_backend_dev_props` of ggml-backend.h, with enough room for its capabilities."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("description", ctypes.c_char_p),
        ("memory_free", ctypes.c_size_t),
        ("memory_total", ctypes.c_size_t),
        ("type", ctypes.c_int),
        ("device_id", ctypes.c_char_p),
        ("abilities", ctypes.c_byte * _ABILITIES_BYTES),
    )


@dataclass(frozen=True)
class Device:
    """A device: ggml's names for it and its backend, its kind, and its memory in bytes.

    With `shares_memory` it computes in the machine's own memory. `bus_id` is its place on the PCI
    bus, such as `0000:c1:00.0`, empty when unknown.
    """

    name: str
    backend: str
    description: str
    is_gpu: bool
    shares_memory: bool
    free_bytes: int
    total_bytes: int
    bus_id: str = ""

    @property
    def is_full(self) -> bool:
        """True if other programs leave too little memory for the engine to start.

        Its driver then reports no memory at all, and ggml ends the process where it uses it.
        """
        return self.backend in _BACKENDS_WITH_MEMORY and self.total_bytes == 0


def devices() -> tuple[Device, ...]:
    """Return all devices that ggml sees, in its order."""
    return tuple(_devices())


def pointers_to(devices: Sequence[int]) -> Pointers:
    """Return these devices as llama.cpp takes them."""
    return (ctypes.c_void_p * (len(devices) + 1))(*devices, None)


def pointers_with_room() -> Pointers | None:
    """Return the non-CPU devices that aren't full; None means all of them."""
    found = [device for device in devices() if device.is_gpu]
    usable = [device for device in found if not device.is_full]
    if len(usable) == len(found):
        return None
    return pointers_to([pointer for one in usable if (pointer := device_pointer(one.name))])


def gpu_pointers() -> list[int]:
    """Return ggml's pointers to the devices other than the CPU."""
    base = load_ggml_base()
    base.ggml_backend_dev_type.argtypes = [ctypes.c_void_p]
    return [device for device in _pointers() if base.ggml_backend_dev_type(device) in _GPU_TYPES]


def device_pointer(name: str) -> int | None:
    """Return ggml's pointer to the device with this name; None when there is none."""
    base = load_ggml_base()
    base.ggml_backend_dev_name.restype = ctypes.c_char_p
    base.ggml_backend_dev_name.argtypes = [ctypes.c_void_p]
    wanted = name.encode()
    return next((one for one in _pointers() if base.ggml_backend_dev_name(one) == wanted), None)


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
            bus_id=_bus_id(device),
        )


def _bus_id(device: int) -> str:
    base = load_ggml_base()
    base.ggml_backend_dev_get_props.restype = None
    base.ggml_backend_dev_get_props.argtypes = [ctypes.c_void_p, ctypes.POINTER(_Properties)]
    properties = _Properties()
    base.ggml_backend_dev_get_props(device, ctypes.byref(properties))
    return (properties.device_id or b"").decode("utf-8", "replace")
