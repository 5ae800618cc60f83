"""Plan which layers go on which device."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from app.core.device_memory import PROCESSOR, DeviceMemory
from app.core.language import tr
from app.core.load_options import LoadOptions
from app.core.sizes import format_bytes
from app.estimation.hardware import Hardware
from app.estimation.kv_cache import CONTEXT_STEP
from app.estimation.placement import (
    Need,
    Placement,
    excess_bytes,
    free_bytes,
    is_in_ram,
    placement_for,
)

MARGIN_BYTES = 512 * 2**20
"""Memory left free on each device and in RAM, for other programs and for what no log reports."""

Verdict = Literal["on_devices", "shared", "on_processor", "too_large"]


@dataclass(frozen=True)
class Plan:
    """A placement of a model and its memory; `layers` counts them by device, the output as one.

    The experts of the first `experts_on_cpu` layers stay in RAM.
    """

    verdict: Verdict
    gpu_layers: int
    layers: dict[str, int]
    experts_on_cpu: int
    kv_on_device: bool
    memory: dict[str, DeviceMemory]
    sentence: str
    need: Need = field(repr=False)
    machine: Hardware = field(repr=False)
    placement: Placement = field(repr=False)

    @cached_property
    def largest_context(self) -> int:
        """The largest context that this plan has room for, in tokens; 0 if there is none."""
        return _largest_context(self.need, self.machine, self.placement)

    @property
    def total_bytes(self) -> int:
        """The memory on all devices and in RAM together."""
        return sum(one.total_bytes for one in self.memory.values())

    @property
    def spare_bytes(self) -> int:
        """The memory left free where the layers are, on devices or in RAM; negative if short."""
        free = free_bytes(self.machine)
        own = [device.name for device in self.machine.devices if not is_in_ram(device)]
        used = [name for name in own if name in self.memory]
        if used:
            return sum(free[name] - self.memory[name].total_bytes for name in used)
        return -excess_bytes(self.memory, self.machine, 0)[1]

    @property
    def missing_bytes(self) -> int:
        """The additional memory that would have to be free for this plan; 0 if it fits."""
        return max(0, *excess_bytes(self.memory, self.machine, MARGIN_BYTES))


def plan_fit(need: Need, machine: Hardware, options: LoadOptions) -> Plan:
    """Place as many layers on devices as fit with the margin kept free, moving experts off first.

    Layers and experts that the user chose stay as they are. If not even RAM has room, the plan has
    only these on devices, and is `too_large`.
    """
    context = options.context
    fitting = next(
        (one for one in _candidates(need, machine, options) if fits(need, machine, one, context)),
        None,
    )
    placement = fitting or placement_for(*_chosen(need, machine, options), need, machine, options)
    verdict = _verdict(need, placement) if fitting else "too_large"
    memory = placement.memory(need, context)
    return Plan(
        verdict=verdict,
        gpu_layers=placement.gpu_layers,
        layers={span.device: span.end - span.first for span in placement.spans},
        experts_on_cpu=placement.experts_on_cpu,
        kv_on_device=options.kv_on_device,
        memory=memory,
        sentence=_sentence(need, machine, placement, memory, verdict),
        need=need,
        machine=machine,
        placement=placement,
    )


def fits(need: Need, machine: Hardware, placement: Placement, context: int) -> bool:
    """Return whether every device, and RAM with all that is placed in it, keeps the margin free."""
    memory = placement.memory(need, context)
    return max(excess_bytes(memory, machine, MARGIN_BYTES)) <= 0


def _candidates(need: Need, machine: Hardware, options: LoadOptions) -> Iterator[Placement]:
    """Yield the placements to try, the best first."""
    count, experts = _chosen(need, machine, options)
    if options.gpu_layers is not None:
        yield placement_for(count, experts, need, machine, options)
        return
    whole = need.layers + 1 if machine.devices else 0
    yield placement_for(whole, experts, need, machine, options)
    if not whole:
        return
    if options.experts_on_cpu is None and any(need.weights.expert_bytes):
        experts = _fewest_experts(need, machine, options)
        yield placement_for(whole, experts, need, machine, options)
    yield placement_for(
        _most_layers(need, machine, options, experts), experts, need, machine, options
    )
    yield placement_for(0, 0, need, machine, options)


def _chosen(need: Need, machine: Hardware, options: LoadOptions) -> tuple[int, int]:
    """Return the chosen layers on devices and layers with experts in RAM; 0 for automatic."""
    whole = need.layers + 1 if machine.devices else 0
    return min(options.gpu_layers or 0, whole), min(options.experts_on_cpu or 0, need.layers)


def _fewest_experts(need: Need, machine: Hardware, options: LoadOptions) -> int:
    """Return how many layers must keep experts in RAM so that all else fits on devices."""
    return 1 + bisect_left(
        range(1, need.layers),
        True,
        key=lambda experts: _devices_have_room(need, machine, options, need.layers + 1, experts),
    )


def _most_layers(need: Need, machine: Hardware, options: LoadOptions, experts: int) -> int:
    """Return how many layers the devices have room for, without the output."""
    return bisect_left(
        range(1, need.layers + 1),
        True,
        key=lambda count: not _devices_have_room(need, machine, options, count, experts),
    )


def _devices_have_room(
    need: Need, machine: Hardware, options: LoadOptions, count: int, experts: int
) -> bool:
    placement = placement_for(count, experts, need, machine, options)
    memory = placement.memory(need, options.context)
    on_devices, in_ram = excess_bytes(memory, machine, MARGIN_BYTES)
    # If every device uses RAM, moving a layer to a device frees no RAM.
    if all(is_in_ram(device) for device in machine.devices):
        return max(on_devices, in_ram) <= 0
    return on_devices <= 0


def _largest_context(need: Need, machine: Hardware, placement: Placement) -> int:
    steps = range(1, need.largest_context // CONTEXT_STEP + 1)
    fitting = bisect_left(
        steps, True, key=lambda step: not fits(need, machine, placement, step * CONTEXT_STEP)
    )
    return fitting * CONTEXT_STEP


def _verdict(need: Need, placement: Placement) -> Verdict:
    if not placement.gpu_layers:
        return "on_processor"
    is_whole = placement.gpu_layers == need.layers + 1 and not placement.experts_on_cpu
    return "on_devices" if is_whole else "shared"


def _sentence(
    need: Need,
    machine: Hardware,
    placement: Placement,
    memory: Mapping[str, DeviceMemory],
    verdict: Verdict,
) -> str:
    free = free_bytes(machine)
    if verdict == "too_large":
        needed = sum(one.total_bytes for one in memory.values())
        own = sum(free[device.name] for device in machine.devices if not is_in_ram(device))
        return _too_large(needed, free[PROCESSOR], own)
    on_devices = [name for name in memory if name != PROCESSOR]
    if not on_devices:
        fields = _amounts(memory[PROCESSOR].total_bytes, free[PROCESSOR])
        if machine.devices:
            return tr("No layer on the GPU: needs {needed} of {free} free", **fields)
        return tr("In RAM: needs {needed} of {free} free", **fields)
    fields = _amounts(
        sum(memory[name].total_bytes for name in on_devices),
        sum(free[name] for name in on_devices),
    )
    fields |= {"layers": str(placement.gpu_layers), "total": str(need.layers + 1)}
    if not placement.experts_on_cpu:
        return tr("{layers} of {total} layers on the GPU: needs {needed} of {free} free", **fields)
    return tr(
        "{layers} of {total} layers on the GPU, the experts of {experts} in RAM: needs {needed} of "
        "{free} free",
        experts=placement.experts_on_cpu,
        **fields,
    )


def _too_large(needed: int, ram: int, devices: int) -> str:
    fields = _amounts(needed, ram)
    if not devices:
        return tr("Too large: needs {needed}, only {free} free", **fields)
    return tr(
        "Too large: needs {needed}, only {free} free in RAM, {gpu} on the GPU",
        gpu=format_bytes(devices),
        **fields,
    )


def _amounts(needed: int, free: int) -> dict[str, str]:
    return {"needed": format_bytes(needed), "free": format_bytes(free)}
