"""Compute how much more, or less, memory each load option takes than its default."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from app.core.device_memory import PROCESSOR
from app.core.load_options import LoadOptions
from app.estimation.fit import Plan
from app.estimation.model_profile import ModelProfile
from app.estimation.predictions import predict_levels

_PLACING = ("gpu_layers", "experts_on_cpu")
_SIZING = (
    "kv_on_device",
    "cache_type_k",
    "cache_type_v",
    "flash_attention",
    "swa_full",
    "context",
    "batch",
    "micro_batch",
)
_USUAL = LoadOptions()


@dataclass(frozen=True)
class Cost:
    """Additional memory in bytes, on all devices together and in RAM; negative if less is used."""

    devices_bytes: int
    ram_bytes: int


def costs(profile: ModelProfile, options: LoadOptions, plan: Plan) -> dict[str, Cost]:
    """Return the cost of each option that differs from its default, by field; for one level.

    Options that don't themselves place layers are compared at the placement of `plan`, the plan for
    these options.
    """
    placed = msgspec.structs.replace(
        options, gpu_layers=plan.gpu_layers, experts_on_cpu=plan.experts_on_cpu
    )
    compared = [(field, options) for field in _PLACING] + [(field, placed) for field in _SIZING]
    taken = _memory_of(plan)
    costs_by_field = {}
    for field, base in compared:
        usual = getattr(_USUAL, field)
        if getattr(options, field) == usual:
            continue
        other = predict_levels(profile, msgspec.structs.replace(base, **{field: usual}))[0].plan
        if other is not None:
            without = _memory_of(other)
            costs_by_field[field] = Cost(taken[0] - without[0], taken[1] - without[1])
    return costs_by_field


def _memory_of(plan: Plan) -> tuple[int, int]:
    """Return the memory on all devices together, and in RAM."""
    ram = plan.memory[PROCESSOR].total_bytes
    return sum(one.total_bytes for one in plan.memory.values()) - ram, ram
