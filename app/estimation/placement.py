"""Place layers on devices, and compute the memory that each device needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

from app.core.device_memory import PROCESSOR, DeviceMemory
from app.core.load_options import LoadOptions
from app.estimation.compute_buffers import ComputeBuffers
from app.estimation.hardware import DeviceInfo, Hardware
from app.estimation.kv_cache import SizedCache
from app.estimation.weights import Weights

_SHARE_STEPS = 1000
"""Shares are computed as integers, with this many steps per 1."""


@dataclass(frozen=True)
class Need:
    """A model's memory needs for any placement; no plan exceeds the `largest_context`."""

    weights: Weights
    caches: tuple[SizedCache, ...]
    compute: ComputeBuffers
    largest_context: int

    @property
    def layers(self) -> int:
        """The number of layers without the output."""
        return self.weights.layers


class Span(NamedTuple):
    """The layers on one device, from `first` up to but excluding `end`."""

    device: str
    first: int
    end: int


@dataclass(frozen=True)
class Placement:
    """One way to place a model: its last layers on devices, the output as the last of them.

    The experts of the first `experts_on_cpu` layers stay in RAM. `devices` are all that a load
    uses: even one without layers may compute.
    """

    spans: tuple[Span, ...]
    experts_on_cpu: int
    kv_on_device: bool
    devices: tuple[str, ...] = ()

    @property
    def gpu_layers(self) -> int:
        """The number of layers on devices, including the output."""
        return sum(span.end - span.first for span in self.spans)

    def memory(self, need: Need, context: int) -> dict[str, DeviceMemory]:
        """Return the memory of each device, the processor first."""
        compute = need.compute.at(self.gpu_layers, self.experts_on_cpu, context)
        taken = {
            span.device: self._on_device(span, need, context, compute.get(span.device, 0))
            for span in self.spans
        }
        first = self.spans[0].first if self.spans else None
        rest = need.weights.rest_bytes(first, self.experts_on_cpu)
        end = need.layers if first is None or not self.kv_on_device else first
        kv = sum(cache.bytes_of(0, end, context) for cache in need.caches)
        on_processor = DeviceMemory(rest, round(kv), compute.get(PROCESSOR, 0))
        others = {
            device: DeviceMemory(0, 0, compute[device])
            for device in self.devices
            if device not in taken and compute.get(device)
        }
        return {PROCESSOR: on_processor, **taken, **others}

    def _on_device(self, span: Span, need: Need, context: int, compute: int) -> DeviceMemory:
        kv = 0.0
        if self.kv_on_device:
            kv = sum(cache.bytes_of(span.first, span.end, context) for cache in need.caches)
        weights = need.weights.span_bytes(span.first, span.end, self.experts_on_cpu)
        return DeviceMemory(weights, round(kv), compute)


def place(
    count: int, layers: int, machine: Hardware, shares: Sequence[float] = ()
) -> tuple[Span, ...]:
    """Distribute the last `count` layers (the output counts as one) across the devices.

    They are split by the devices' free memory, or by the `shares` that the user chose, as in
    llama.cpp (load_tensors in src/llama-model.cpp).
    """
    if not count or not machine.devices:
        return ()
    free = free_bytes(machine)
    parts = [free[device.name] for device in machine.devices]
    if any(shares[: len(parts)]):
        chosen = [round(share * _SHARE_STEPS) for share in shares]
        parts = (chosen + [0] * len(parts))[: len(parts)]
    total = sum(parts)
    if not total:
        parts[0] = total = 1
    # A device takes the layers whose relative position falls into its share.
    ends = [-(-end * count // total) for end in accumulate(parts)]
    whole = layers + 1
    spans = []
    begin = 0
    for device, end in zip(machine.devices, ends, strict=True):
        if end > begin:
            spans.append(Span(device.name, whole - count + begin, whole - count + end))
            begin = end
    return tuple(spans)


def free_bytes(machine: Hardware) -> dict[str, int]:
    """Return the free memory of each device and RAM; devices that report no memory use RAM."""
    free = {PROCESSOR: machine.ram_free_bytes}
    for device in machine.devices:
        free[device.name] = machine.ram_free_bytes if _has_none(device) else device.free_bytes
    return free


def is_in_ram(device: DeviceInfo) -> bool:
    """Return whether a device uses the machine's RAM."""
    return device.shares_memory or _has_none(device)


def _has_none(device: DeviceInfo) -> bool:
    return device.total_bytes == 0 and device.free_bytes == 0 and not device.is_full


def excess_bytes(
    memory: Mapping[str, DeviceMemory], machine: Hardware, margin_bytes: int
) -> tuple[int, int]:
    """Return by how many bytes the memory exceeds the room on devices, and in RAM, less the margin.

    0 or less if there is room.
    """
    free = free_bytes(machine)
    over = [one.total_bytes - free[name] for name, one in memory.items() if name in free]
    shared = [PROCESSOR, *(device.name for device in machine.devices if is_in_ram(device))]
    in_ram = sum(memory[name].total_bytes for name in shared if name in memory)
    on_devices = max(over[1:], default=-margin_bytes)
    return on_devices + margin_bytes, in_ram - machine.ram_free_bytes + margin_bytes


def placement_for(
    count: int, experts_on_cpu: int, need: Need, machine: Hardware, options: LoadOptions
) -> Placement:
    """Return the placement with `count` layers on devices."""
    spans = place(count, need.layers, machine, options.device_shares)
    used = tuple(device.name for device in machine.devices) if spans else ()
    return Placement(spans, experts_on_cpu if spans else 0, options.kv_on_device, used)
