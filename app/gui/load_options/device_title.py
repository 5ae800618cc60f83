"""Title a device with both the engine's and the vendor's name for it."""

from __future__ import annotations

from app.estimation.hardware import DeviceInfo


def device_title(device: DeviceInfo) -> str:
    """Return a title such as `CUDA0 · NVIDIA GeForce RTX 3070`."""
    return " · ".join(part for part in (device.name, device.description) if part)
