"""Load options as they are: as JSON, and by the names of llama.cpp's parameters."""

from __future__ import annotations

from typing import Any

import msgspec

from app.core.load_options import LoadOptions
from app.estimation.fit import Plan
from app.machine.cores import usable_threads

_LOAD_MODES = {
    ("on", False): "auto",
    ("on", True): "mmap_mlock",
    ("off", False): "none",
    ("off", True): "mlock",
}
"""The names of llama.cpp's `llama_load_mode` for memory map and memory lock."""


def raw_parameters(options: LoadOptions, plan: Plan | None) -> str:
    """A JSON document of the options and of `llama_model_params` and `llama_context_params`.

    What is automatic has the number of the plan; without one it stays null.
    """
    threads = options.threads or usable_threads()
    document = {
        "options": options,
        "llama_model_params": _model_parameters(options, plan),
        "llama_context_params": {
            "n_ctx": options.context,
            "n_batch": options.batch,
            "n_ubatch": options.micro_batch,
            "n_threads": threads,
            "n_threads_batch": options.threads_batch or threads,
            "flash_attn_type": options.flash_attention,
            "type_k": options.cache_type_k,
            "type_v": options.cache_type_v,
            "offload_kqv": options.kv_on_device,
            "swa_full": options.swa_full,
        },
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode()


def _model_parameters(options: LoadOptions, plan: Plan | None) -> dict[str, Any]:
    experts = plan.experts_on_cpu if plan else options.experts_on_cpu
    return {
        "n_gpu_layers": plan.gpu_layers if plan else options.gpu_layers,
        "tensor_split": options.device_shares or None,
        "tensor_buft_overrides": _overrides(experts) if experts is not None else None,
        "load_mode": _LOAD_MODES.get((options.memory_map, options.memory_lock)),
        "use_extra_bufts": options.extra_buffers,
    }


def _overrides(experts: int) -> list[str]:
    layers = "|".join(map(str, range(experts)))
    pattern = rf"blk\.({layers})\.ffn_(up|down|gate|gate_up)_(ch|)exps=CPU"
    return [pattern] if experts else []
