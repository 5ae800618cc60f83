"""How a model is best laid over a machine's devices: a pure function from facts and wishes."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal

from app.core.sizes import format_bytes
from app.estimation.facts import DeviceFacts, Hardware
from app.estimation.memory import CONTEXT_STEP, PROCESSOR, DeviceMemory, Weights, cache_bytes
from app.estimation.trial_log import Cache

MARGIN_BYTES = 512 * 2**20
"""What is left free on each device and in RAM, for others and for what no log tells."""

Verdict = Literal["on_devices", "shared", "on_processor", "too_large"]


@dataclass(frozen=True)
class Need:
    """What a model needs, wherever it is laid.

    `caches` and `kv_heads` are as `cache_bytes` takes them; `compute` has for some contexts, in
    ascending order, the bytes of the compute buffers on each device, the processor among them.
    No plan goes beyond the `largest_context`, in tokens.
    """

    weights: Weights
    caches: tuple[Cache, ...]
    kv_heads: tuple[int, ...]
    compute: tuple[tuple[int, Mapping[str, int]], ...]
    largest_context: int

    @property
    def layers(self) -> int:
        """The layers without the output."""
        return len(self.weights.layer_bytes)

    def compute_at(self, context: int) -> dict[str, int]:
        """Between two contexts that were measured in proportion, else as at the nearest."""
        known = self.compute
        before = next((tried for tried in reversed(known) if tried[0] <= context), known[0])
        after = next((tried for tried in known if tried[0] >= context), known[-1])
        span = after[0] - before[0]
        part = (context - before[0]) / span if span > 0 else 0
        names = before[1].keys() | after[1].keys()
        return {
            name: round(before[1].get(name, 0) * (1 - part) + after[1].get(name, 0) * part)
            for name in names
        }


@dataclass(frozen=True)
class Wishes:
    """What a person has chosen; with None the plan takes as many layers as fit.

    Without `moves_experts` the experts of a layer stay with it.
    """

    context: int
    gpu_layers: int | None = None
    kv_on_device: bool = True
    moves_experts: bool = False


@dataclass(frozen=True)
class Plan:
    """Where a model goes: `layers` count on each device, the output as one more.

    `experts_on_cpu` is for how many of the first layers the experts stay in RAM;
    `largest_context` is the largest that this plan has room for, 0 when it has none.
    """

    verdict: Verdict
    gpu_layers: int
    layers: dict[str, int]
    experts_on_cpu: int
    kv_on_device: bool
    largest_context: int
    memory: dict[str, DeviceMemory]
    sentence: str


def plan_fit(need: Need, machine: Hardware, wishes: Wishes) -> Plan:
    """As many layers on devices as leave the margin free; the experts first, where they may move.

    When not even RAM has room, the plan is the one with no layer on a device, and too large.
    """
    fitting = next(
        (layout for layout in _layouts(need, machine, wishes) if _fits(need, machine, layout)), None
    )
    layout = fitting or _Layout(_placed(need, machine, wishes.gpu_layers or 0), 0, wishes)
    verdict = _verdict(need, layout) if fitting else "too_large"
    memory = _memory(need, layout, wishes.context)
    return Plan(
        verdict=verdict,
        gpu_layers=layout.gpu_layers,
        layers=dict(Counter(name for name in layout.devices if name != PROCESSOR)),
        experts_on_cpu=layout.experts_on_cpu,
        kv_on_device=wishes.kv_on_device,
        largest_context=_largest_context(need, machine, layout),
        memory=memory,
        sentence=_sentence(need, machine, layout, memory, verdict),
    )


def free_bytes(machine: Hardware) -> dict[str, int]:
    """What is free on each device and in RAM; a device that reports no memory has the machine's."""
    free = {PROCESSOR: machine.ram_free_bytes}
    for device in machine.devices:
        has_own = device.total_bytes > 0 or device.free_bytes > 0
        free[device.name] = device.free_bytes if has_own else machine.ram_free_bytes
    return free


def exceeds(memory: Mapping[str, DeviceMemory], machine: Hardware) -> bool:
    """Whether a device, or RAM with all that lies in it, would have less than the margin free."""
    free = free_bytes(machine)
    if any(memory[name].total_bytes > free[name] - MARGIN_BYTES for name in memory if name in free):
        return True
    in_ram = {PROCESSOR, *(device.name for device in machine.devices if _is_in_ram(device))}
    needed_bytes = sum(one.total_bytes for name, one in memory.items() if name in in_ram)
    return needed_bytes > machine.ram_free_bytes - MARGIN_BYTES


@dataclass(frozen=True)
class _Layout:
    """One way to lay a model: the device of each layer, the output's last."""

    devices: tuple[str, ...]
    experts_on_cpu: int
    wishes: Wishes

    @property
    def gpu_layers(self) -> int:
        return sum(name != PROCESSOR for name in self.devices)


def _layouts(need: Need, machine: Hardware, wishes: Wishes) -> Iterator[_Layout]:
    """The ways to try, the best first."""
    whole = need.layers + 1 if machine.devices else 0
    if wishes.gpu_layers is not None:
        yield _Layout(_placed(need, machine, min(wishes.gpu_layers, whole)), 0, wishes)
        return
    for count in range(whole, -1, -1):
        yield _Layout(_placed(need, machine, count), 0, wishes)
        if count == whole and wishes.moves_experts and any(need.weights.expert_bytes):
            for experts in range(1, need.layers + 1):
                yield _Layout(_placed(need, machine, whole), experts, wishes)


def _placed(need: Need, machine: Hardware, count: int) -> tuple[str, ...]:
    """The last `count` layers over the devices, by their free memory.

    As llama.cpp does without a split of the person's own (load_tensors in src/llama-model.cpp).
    """
    whole = need.layers + 1
    first = whole - count
    free = free_bytes(machine)
    names = [device.name for device in machine.devices]
    ends = list(accumulate(free[name] for name in names))
    placed = [PROCESSOR] * first
    for number in range(count):
        place = bisect_right(ends, number / count * ends[-1]) if ends[-1] else 0
        placed.append(names[min(place, len(names) - 1)])
    return tuple(placed)


def _fits(need: Need, machine: Hardware, layout: _Layout) -> bool:
    return not exceeds(_memory(need, layout, layout.wishes.context), machine)


def _memory(need: Need, layout: _Layout, context: int) -> dict[str, DeviceMemory]:
    weights = need.weights.by_device(layout.devices, layout.experts_on_cpu)
    kv: Counter[str] = Counter()
    for layer, size_bytes in cache_bytes(need.caches, need.kv_heads, context).items():
        kv[layout.devices[layer] if layout.wishes.kv_on_device else PROCESSOR] += size_bytes
    compute = need.compute_at(context)
    names = [PROCESSOR, *dict.fromkeys(name for name in layout.devices if name != PROCESSOR)]
    return {
        name: DeviceMemory(weights.get(name, 0), kv[name], compute.get(name, 0)) for name in names
    }


def _largest_context(need: Need, machine: Hardware, layout: _Layout) -> int:
    steps = range(1, need.largest_context // CONTEXT_STEP + 1)
    fitting = bisect_right(
        steps,
        0,
        key=lambda step: int(exceeds(_memory(need, layout, step * CONTEXT_STEP), machine)),
    )
    return fitting * CONTEXT_STEP


def _verdict(need: Need, layout: _Layout) -> Verdict:
    if not layout.gpu_layers:
        return "on_processor"
    is_whole = layout.gpu_layers == need.layers + 1 and not layout.experts_on_cpu
    return "on_devices" if is_whole else "shared"


def _sentence(
    need: Need,
    machine: Hardware,
    layout: _Layout,
    memory: Mapping[str, DeviceMemory],
    verdict: Verdict,
) -> str:
    free = free_bytes(machine)
    on_devices = [name for name in memory if name != PROCESSOR]
    if verdict == "too_large":
        needed = sum(one.total_bytes for one in memory.values())
        words = f"Too large: needs {format_bytes(needed)}, {format_bytes(free[PROCESSOR])} free"
        own = sum(free[device.name] for device in machine.devices if not _is_in_ram(device))
        return f"{words} in RAM, {format_bytes(own)} on the GPU" if own else words
    if not on_devices:
        needed, room = memory[PROCESSOR].total_bytes, free[PROCESSOR]
        beginning = "No layer on the GPU" if machine.devices else "In RAM"
    else:
        needed = sum(memory[name].total_bytes for name in on_devices)
        room = sum(free[name] for name in on_devices)
        beginning = f"{layout.gpu_layers} of {need.layers + 1} layers on the GPU"
    if layout.experts_on_cpu:
        beginning += f", the experts of {layout.experts_on_cpu} in RAM"
    return f"{beginning}: needs {format_bytes(needed)}, {format_bytes(room)} free"


def _is_in_ram(device: DeviceFacts) -> bool:
    reports_none = device.total_bytes == 0 and device.free_bytes == 0
    return device.shares_memory or reports_none
