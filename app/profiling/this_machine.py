"""Read the hardware of this machine."""

from __future__ import annotations

import psutil

from app.estimation.hardware import DeviceInfo, Hardware
from app.jobs.launch import is_own_command
from app.machine.cpu_topology import core_kinds, numa_nodes
from app.machine.memory import usable_memory
from app.native.devices import Device, devices
from app.native.nvidia import total_bytes_of, used_by_others


def read_hardware() -> Hardware:
    """Return this machine in its current state, with the devices that the engine sees.

    Raises:
        AppError: `engine_missing`.
    """
    total_bytes, free_bytes = usable_memory()
    kinds = core_kinds()
    return Hardware(
        physical_cores=psutil.cpu_count(logical=False) or 1,
        logical_cores=psutil.cpu_count() or 1,
        ram_total_bytes=total_bytes,
        ram_free_bytes=free_bytes,
        devices=tuple(_device_info(device) for device in devices() if device.is_gpu),
        performance_cores=kinds.performance if kinds else None,
        efficiency_cores=kinds.efficiency if kinds else None,
        numa_nodes=numa_nodes(),
    )


def _device_info(device: Device) -> DeviceInfo:
    return DeviceInfo(
        name=device.name,
        backend=device.backend,
        description=device.description,
        free_bytes=device.free_bytes,
        total_bytes=(total_bytes_of(device.bus_id) or 0) if device.is_full else device.total_bytes,
        shares_memory=device.shares_memory,
        used_by_others_bytes=used_by_others(device.bus_id, _is_ours) if device.bus_id else None,
        is_full=device.is_full,
    )


def _is_ours(process: int) -> bool:
    """Return whether this program started the process with this id."""
    try:
        return is_own_command(psutil.Process(process).cmdline())
    except psutil.Error:
        return False
