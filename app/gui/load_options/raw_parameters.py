"""Show load options as JSON, with the names and values of llama.cpp's parameters."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any

import msgspec

from app.core.llama_parameters import context_values, expert_patterns, load_mode
from app.core.load_options import LoadOptions
from app.estimation.fit import Plan
from app.machine.cores import usable_threads


def raw_parameters(options: LoadOptions, plan: Plan | None) -> str:
    """Return a JSON document with `llama_model_params` and `llama_context_params`.

    Automatic values are those of the plan; what it leaves open is null.
    """
    document = {
        "options": options,
        "llama_model_params": _named(_model_values(options, plan)),
        "llama_context_params": _named(context_values(options, options.context, usable_threads())),
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode()


def _model_values(options: LoadOptions, plan: Plan | None) -> dict[str, Any]:
    experts = plan.experts_on_cpu if plan else options.experts_on_cpu
    is_mapped = None if options.memory_map == "auto" else options.memory_map == "on"
    is_locked = options.memory_lock
    patterns = None if experts is None else [f"{one}=CPU" for one in expert_patterns(experts)]
    return {
        "n_gpu_layers": plan.gpu_layers if plan else options.gpu_layers,
        "tensor_split": options.device_shares or None,
        "tensor_buft_overrides": patterns,
        "load_mode": None
        if is_mapped is None
        else load_mode(is_mapped=is_mapped, is_locked=is_locked),
        "use_extra_bufts": options.extra_buffers,
    }


def _named(values: Mapping[str, Any]) -> dict[str, Any]:
    """Replace the numbers of llama.cpp's enumerations by their names."""
    return {
        name: value.name if isinstance(value, IntEnum) else value for name, value in values.items()
    }
