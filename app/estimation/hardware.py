"""Reading the facts about this machine."""

from __future__ import annotations

import psutil

from app.estimation.facts import DeviceFacts, Hardware
from app.native.devices import devices


def read_hardware() -> Hardware:
    """This machine as it is now, its devices as the engine sees them.

    Raises:
        AppError: `engine_missing`.
    """
    memory = psutil.virtual_memory()
    return Hardware(
        physical_cores=psutil.cpu_count(logical=False) or 1,
        logical_cores=psutil.cpu_count() or 1,
        ram_total_bytes=memory.total,
        ram_free_bytes=memory.available,
        devices=tuple(
            DeviceFacts(
                name=device.name,
                backend=device.backend,
                description=device.description,
                free_bytes=device.free_bytes,
                total_bytes=device.total_bytes,
                shares_memory=device.shares_memory,
            )
            for device in devices()
            if device.is_gpu
        ),
    )
