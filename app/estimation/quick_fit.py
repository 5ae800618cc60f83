"""Tell from a file's size and a few numbers of its header whether a model fits, without a load.

The weights take as much memory as the file, and the KV cache follows from the header. The compute
buffers are a guess that suits most models.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from app.core.load_options import LoadOptions
from app.estimation.fit import MARGIN_BYTES, Verdict
from app.estimation.hardware import Hardware
from app.estimation.kv_cache import cache_bytes_per_value
from app.estimation.placement import free_bytes, is_in_ram
from app.gguf_file.header_reader import Value

_COMPUTE_BYTES = 300 * 10**6
_SURPLUS = frozenset({"Q8_0", "F16", "BF16", "F32"})
"""Levels that take more memory and time than the difference is worth."""


@dataclass(frozen=True)
class SizedModel:
    """A model's level, empty if unknown, and the memory that it needs."""

    level: str
    needed_bytes: int


def needed_bytes(size_bytes: int, metadata: Mapping[str, Value], options: LoadOptions) -> int:
    """Return the memory that a model needs, from its size and its header's metadata."""
    return size_bytes + _kv_bytes(metadata, options) + _COMPUTE_BYTES


def quick_verdict(needed: int, machine: Hardware) -> Verdict:
    """Return where a model that needs this much memory would be placed."""
    on_devices, in_ram = _room(machine)
    if machine.devices and needed <= on_devices:
        return "on_devices"
    if needed <= in_ram:
        return "shared" if on_devices else "on_processor"
    return "shared" if on_devices and needed <= on_devices + in_ram else "too_large"


def best_of(models: Iterable[SizedModel], machine: Hardware) -> SizedModel | None:
    """Return the best model for this machine: the largest that fits where it is fastest.

    Levels whose size is not worth it are for want of others only; if none fits, it is the smallest.
    """
    known = sorted(models, key=lambda model: model.needed_bytes)
    worth = [model for model in known if model.level not in _SURPLUS] or known
    for verdicts in (("on_devices",), ("on_devices", "shared", "on_processor")):
        fitting = [one for one in worth if quick_verdict(one.needed_bytes, machine) in verdicts]
        if fitting:
            return fitting[-1]
    return known[0] if known else None


def largest_file_bytes(
    smallest_bytes: int, metadata: Mapping[str, Value], options: LoadOptions, machine: Hardware
) -> int:
    """Return the size of the largest file that fits where it is fastest.

    That is the memory of devices with memory of their own, unless not even a file of
    `smallest_bytes` fits there; then RAM counts, too. 0 if nothing fits.
    """
    on_devices, in_ram = _room(machine)
    others = needed_bytes(0, metadata, options)
    room = on_devices if on_devices - others >= smallest_bytes else on_devices + in_ram
    return max(0, room - others)


def fitting_bytes(machine: Hardware) -> int:
    """Return the memory of the largest model that this machine could hold."""
    return sum(_room(machine))


def _room(machine: Hardware) -> tuple[int, int]:
    """Return the free memory of devices and of RAM, without what is left to others."""
    free = free_bytes(machine)
    own = [free[device.name] - MARGIN_BYTES for device in machine.devices if not is_in_ram(device)]
    return sum(max(0, one) for one in own), max(0, machine.ram_free_bytes - MARGIN_BYTES)


def _kv_bytes(metadata: Mapping[str, Value], options: LoadOptions) -> int:
    def number(key: str) -> int:
        value = metadata.get(f"{metadata.get('general.architecture')}.{key}")
        if isinstance(value, tuple):
            return max((int(one) for one in value if isinstance(one, int)), default=0)
        return value if isinstance(value, int) else 0

    heads = number("attention.head_count")
    kv_heads = number("attention.head_count_kv") or heads
    usual = number("embedding_length") // heads if heads else 0
    keys = number("attention.key_length") or usual
    values = number("attention.value_length") or usual
    per_token = keys * cache_bytes_per_value(options.cache_type_k)
    per_token += values * cache_bytes_per_value(options.cache_type_v)
    return round(options.context * number("block_count") * kv_heads * per_token)
