"""What each load option costs: the memory that it takes more, or less, than its default."""

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
    """Memory in bytes on all devices together and in RAM; negative for less."""

    devices_bytes: int
    ram_bytes: int


def costs(profile: ModelProfile, options: LoadOptions, plan: Plan) -> dict[str, Cost]:
    """What the options of the only level cost that are not as usual, by their fields.

    An option that does not decide itself where layers lie is compared with the layers of the
    `plan`, which is the one for these options.
    """
    placed = msgspec.structs.replace(
        options, gpu_layers=plan.gpu_layers, experts_on_cpu=plan.experts_on_cpu
    )
    compared = [(field, options) for field in _PLACING] + [(field, placed) for field in _SIZING]
    taken = _taken(plan)
    found = {}
    for field, base in compared:
        usual = getattr(_USUAL, field)
        if getattr(options, field) == usual:
            continue
        other = predict_levels(profile, msgspec.structs.replace(base, **{field: usual}))[0].plan
        if other is not None:
            without = _taken(other)
            found[field] = Cost(taken[0] - without[0], taken[1] - without[1])
    return found


def _taken(plan: Plan) -> tuple[int, int]:
    """What all devices take, and what the processor takes."""
    ram = plan.memory[PROCESSOR].total_bytes
    return sum(one.total_bytes for one in plan.memory.values()) - ram, ram
