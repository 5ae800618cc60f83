"""How a device is called: by the engine's name for it, and by its maker's."""

from __future__ import annotations

from app.estimation.hardware import DeviceInfo


def device_title(device: DeviceInfo) -> str:
    """For example `CUDA0 · NVIDIA GeForce RTX 3070`."""
    return " · ".join(part for part in (device.name, device.description) if part)
