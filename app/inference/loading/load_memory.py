"""Memory that a load took on each device, from llama.cpp's log."""

from __future__ import annotations

from collections.abc import Iterable

from app.core.device_memory import PROCESSOR, DeviceMemory
from app.gguf_file.model import Model
from app.gguf_file.tensor_names import EMBEDDING
from app.native.load_log import LoadLog, by_device

_MAPPED = "_Mapped"


def memory_of(
    load: LoadLog, devices: Iterable[str], model: Model, tensor_bytes: int
) -> dict[str, DeviceMemory]:
    """Return the memory used on each device, the CPU's first.

    Args:
        load: The log of the load.
        devices: The names of all devices that can hold layers.
        model: The model that was loaded.
        tensor_bytes: The size of all its tensors, as `llama_model_size` returns it.
    """
    names = [PROCESSOR, *devices]
    weights = by_device(_used(load, model, tensor_bytes), names)
    kv = by_device(load.cache_buffers, names)
    compute = by_device(load.compute_buffers, names)
    memory = {
        name: DeviceMemory(weights.get(name, 0), kv.get(name, 0), compute.get(name, 0))
        for name in dict.fromkeys(names)
    }
    return {name: one for name, one in memory.items() if one.total_bytes or name == PROCESSOR}


def _used(load: LoadLog, model: Model, tensor_bytes: int) -> dict[str, int]:
    """Return the sizes of the weight buffers.

    A mapped one counts only the part of the file that was not copied to other buffers.
    Its logged size spans everything between its tensors, including weights that are never read
    there because they lie on a device or were copied into another order.
    """
    mapped = [name for name in load.model_buffers if name.endswith(_MAPPED)]
    if len(mapped) != 1:
        return load.model_buffers
    (name,) = mapped
    others = {other: size for other, size in load.model_buffers.items() if other != name}
    left = tensor_bytes + _copied_bytes(load, model) - sum(others.values())
    return others | {name: min(load.model_buffers[name], max(left, 0))}


def _copied_bytes(load: LoadLog, model: Model) -> int:
    """Return the size of the token embedding if a device's output layer has a copy of it."""
    output_device = load.layer_devices[-1] if load.layer_devices else PROCESSOR
    is_tied = load.asked_tensors.count(EMBEDDING) > 1
    if output_device == PROCESSOR or not is_tied:
        return 0
    return model.tensor_bytes(EMBEDDING)
