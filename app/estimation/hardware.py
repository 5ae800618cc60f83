"""The hardware that estimates are made for: cores, memory, devices."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DeviceInfo:
    """A device that takes layers; memory in bytes, both 0 when it reports none.

    With `shares_memory` its memory is the machine's. `used_by_others_bytes` is what programs other
    than this one hold of it, None where nobody says. With `is_full` they leave too little to begin.
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
    """A machine: its cores, its memory in bytes, and its devices without the processor.

    What RAM has in all, and what is free of it, is no more than a container leaves to this program.
    Where the system doesn't tell the kinds of its cores, or its NUMA nodes, they are None.
    """

    physical_cores: int
    logical_cores: int
    ram_total_bytes: int
    ram_free_bytes: int
    devices: tuple[DeviceInfo, ...] = ()
    performance_cores: int | None = None
    efficiency_cores: int | None = None
    numa_nodes: int | None = None

    @property
    def ram_used_by_others_bytes(self) -> int:
        """What is not free of the RAM."""
        return max(0, self.ram_total_bytes - self.ram_free_bytes)
