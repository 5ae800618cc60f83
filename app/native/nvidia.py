"""Measure how much of an NVIDIA device's memory other programs use, through NVML."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any


def used_by_others(bus_id: str, is_ours: Callable[[int], bool]) -> int | None:
    """Return bytes in use on the device at a PCI bus id, except by this program's processes.

    None without the library or its Python bindings, and where the device is not NVIDIA's.

    Args:
        bus_id: such as `0000:c1:00.0`.
        is_ours: whether a process, by its number, is one of this program's.
    """
    with _opened() as nvml:
        if nvml is None:
            return None
        try:
            device = nvml.nvmlDeviceGetHandleByPciBusId(bus_id.encode())
            used = int(nvml.nvmlDeviceGetMemoryInfo(device).used)
            return max(0, used - own_bytes(_processes(nvml, device), is_ours))
        except nvml.NVMLError:
            return None


def total_bytes_of(bus_id: str) -> int | None:
    """Return the memory of the device at a PCI bus id; None if unknown."""
    with _opened() as nvml:
        if nvml is None:
            return None
        try:
            device = nvml.nvmlDeviceGetHandleByPciBusId(bus_id.encode())
            return int(nvml.nvmlDeviceGetMemoryInfo(device).total)
        except nvml.NVMLError:
            return None


def own_bytes(processes: Iterable[Any], is_ours: Callable[[int], bool]) -> int:
    """Return what this program's processes use; Windows doesn't report it by process."""
    held = {process.pid: process.usedGpuMemory or 0 for process in processes}
    return sum(size_bytes for number, size_bytes in held.items() if is_ours(number))


def _processes(nvml: ModuleType, device: Any) -> list[Any]:
    return [
        *nvml.nvmlDeviceGetComputeRunningProcesses(device),
        *nvml.nvmlDeviceGetGraphicsRunningProcesses(device),
    ]


@contextmanager
def _opened() -> Iterator[ModuleType | None]:
    try:
        import pynvml as nvml
    except ImportError:
        yield None
        return
    try:
        nvml.nvmlInit()
    except nvml.NVMLError:
        # No NVIDIA driver here.
        yield None
        return
    try:
        yield nvml
    finally:
        nvml.nvmlShutdown()
