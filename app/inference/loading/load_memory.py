"""What memory a load has really taken, by llama.cpp's own words."""

from __future__ import annotations

from collections.abc import Iterable

from app.core.device_memory import PROCESSOR, DeviceMemory
from app.gguf_file.model import Model
from app.native.load_log import LoadLog, by_device

_MAPPED = "_Mapped"
_EMBEDDING = "token_embd.weight"


def memory_of(
    load: LoadLog, devices: Iterable[str], model: Model, tensor_bytes: int
) -> dict[str, DeviceMemory]:
    """The memory on each device that has some, the processor's first.

    Args:
        load: What the load told.
        devices: The names of all devices that layers can lie on.
        model: The model that was loaded.
        tensor_bytes: The size of all its tensors, as `llama_model_size` gives it.
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
    """The buffers of weights, with no more of a mapped one than the others leave of the file.

    It is logged with all that lies between its tensors, although nobody reads there what lies on a
    device or was copied into another order.
    """
    mapped = [name for name in load.model_buffers if name.endswith(_MAPPED)]
    if len(mapped) != 1:
        return load.model_buffers
    (name,) = mapped
    others = {other: size for other, size in load.model_buffers.items() if other != name}
    left = tensor_bytes + _copied_bytes(load, model) - sum(others.values())
    return others | {name: min(load.model_buffers[name], max(left, 0))}


def _copied_bytes(load: LoadLog, model: Model) -> int:
    """The embedding, where a device's output has a copy of it."""
    output_device = load.layer_devices[-1] if load.layer_devices else PROCESSOR
    is_tied = load.asked_tensors.count(_EMBEDDING) > 1
    if output_device == PROCESSOR or not is_tied:
        return 0
    return model.tensor_bytes(_EMBEDDING)
