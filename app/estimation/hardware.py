"""Describe a machine: cores, memory, devices."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DeviceInfo:
    """A device that can hold layers; free and total bytes are 0 if it reports none.

    With `shares_memory` it uses the machine's RAM. `used_by_others_bytes` is what other programs
    hold of it, None if unknown. With `is_full` they leave too little to open it at all.
    """

    name: str
    backend: str
    description: str
    free_bytes: int
    total_bytes: int
    shares_memory: bool = False
    used_by_others_bytes: int | None = None
    is_full: bool = False


@dataclass(frozen=True)
class Hardware:
    """A machine: its cores, its memory in bytes, and its devices other than the CPU.

    Total and free RAM are limited to what a container allows this program. The kinds of cores and
    the NUMA nodes are None if the system doesn't report them.
    """

    physical_cores: int
    logical_cores: int
    ram_total_bytes: int
    ram_free_bytes: int
    devices: tuple[DeviceInfo, ...] = ()
    performance_cores: int | None = None
    efficiency_cores: int | None = None
    numa_nodes: int | None = None
