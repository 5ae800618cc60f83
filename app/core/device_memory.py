"""What a model takes on one device."""

from __future__ import annotations

import msgspec

PROCESSOR = "CPU"
"""llama.cpp's name for the processor as a device; its memory is the machine's."""


class DeviceMemory(msgspec.Struct, frozen=True):
    """What a load takes on one device, in bytes."""

    weights_bytes: int
    kv_bytes: int
    compute_bytes: int

    @property
    def total_bytes(self) -> int:
        """All of it."""
        return self.weights_bytes + self.kv_bytes + self.compute_bytes
