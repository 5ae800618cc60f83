"""Memory of a model on one device."""

from __future__ import annotations

import msgspec

PROCESSOR = "CPU"
"""llama.cpp's name for the CPU as a device; its memory is the machine's."""


class DeviceMemory(msgspec.Struct, frozen=True):
    """Memory that a loaded model takes on one device."""

    weights_bytes: int
    kv_bytes: int
    compute_bytes: int

    @property
    def total_bytes(self) -> int:
        """Sum of weights, KV cache and compute buffers."""
        return self.weights_bytes + self.kv_bytes + self.compute_bytes
