"""Name a device by the engine's and its vendor's name."""

from __future__ import annotations

from app.estimation.hardware import DeviceInfo


def device_title(device: DeviceInfo) -> str:
    """Return for example `CUDA0 · NVIDIA GeForce RTX 3070`."""
    return " · ".join(part for part in (device.name, device.description) if part)
