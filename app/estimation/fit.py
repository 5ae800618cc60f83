"""Lay a model over devices: a pure function from a profile and load options."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from app.core.device_memory import PROCESSOR, DeviceMemory
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
"""What is left free on each device and in RAM, for others and for what no log tells."""

Verdict = Literal["on_devices", "shared", "on_processor", "too_large"]


@dataclass(frozen=True)
class Plan:
    """Where a model goes: `layers` count on each device, the output as one more.

    `experts_on_cpu` is for how many of the first layers the experts stay in RAM.
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
        """The largest that this plan has room for, in tokens; 0 when it has room for none."""
        return _largest_context(self.need, self.machine, self.placement)

    @property
    def total_bytes(self) -> int:
        """What it takes on all devices and in RAM together."""
        return sum(one.total_bytes for one in self.memory.values())

    @property
    def spare_bytes(self) -> int:
        """What stays free where the layers lie, on devices or in RAM; below 0 it is missing."""
        free = free_bytes(self.machine)
        own = [device.name for device in self.machine.devices if not is_in_ram(device)]
        used = [name for name in own if name in self.memory]
        if used:
            return sum(free[name] - self.memory[name].total_bytes for name in used)
        return -excess_bytes(self.memory, self.machine, 0)[1]

    @property
    def missing_bytes(self) -> int:
        """How much more would have to be free for this plan; 0 where it fits."""
        return max(0, *excess_bytes(self.memory, self.machine, MARGIN_BYTES))


def plan_fit(need: Need, machine: Hardware, options: LoadOptions) -> Plan:
    """As many layers on devices as leave the margin free; experts leave before layers do.

    What a person chose is kept. When not even RAM has room, the plan is the one with nothing on a
    device but what was chosen, and too large.
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
    """Whether each device, and RAM with all that lies in it, keeps the margin free."""
    memory = placement.memory(need, context)
    return max(excess_bytes(memory, machine, MARGIN_BYTES)) <= 0


def _candidates(need: Need, machine: Hardware, options: LoadOptions) -> Iterator[Placement]:
    """The placements to try, the best first."""
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
    """The layers on devices, and for how many layers the experts stay in RAM; 0 for automatic."""
    whole = need.layers + 1 if machine.devices else 0
    return min(options.gpu_layers or 0, whole), min(options.experts_on_cpu or 0, need.layers)


def _fewest_experts(need: Need, machine: Hardware, options: LoadOptions) -> int:
    """For how many layers the experts must stay in RAM, so that all else lies on devices."""
    return 1 + bisect_left(
        range(1, need.layers),
        True,
        key=lambda experts: _devices_have_room(need, machine, options, need.layers + 1, experts),
    )


def _most_layers(need: Need, machine: Hardware, options: LoadOptions, experts: int) -> int:
    """How many layers, but not all, the devices have room for."""
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
    # Where all lies in RAM, a layer more there is not one less elsewhere.
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
    on_devices = [name for name in memory if name != PROCESSOR]
    if verdict == "too_large":
        needed = sum(one.total_bytes for one in memory.values())
        words = f"Too large: needs {format_bytes(needed)}, {format_bytes(free[PROCESSOR])} free"
        own = sum(free[device.name] for device in machine.devices if not is_in_ram(device))
        return f"{words} in RAM, {format_bytes(own)} on the GPU" if own else words
    if not on_devices:
        needed, room = memory[PROCESSOR].total_bytes, free[PROCESSOR]
        beginning = "No layer on the GPU" if machine.devices else "In RAM"
    else:
        needed = sum(memory[name].total_bytes for name in on_devices)
        room = sum(free[name] for name in on_devices)
        beginning = f"{placement.gpu_layers} of {need.layers + 1} layers on the GPU"
    if placement.experts_on_cpu:
        beginning += f", the experts of {placement.experts_on_cpu} in RAM"
    return f"{beginning}: needs {format_bytes(needed)}, {format_bytes(room)} free"
