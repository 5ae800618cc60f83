"""Every field of llama.cpp's parameters is as llama-server sets it, or is ours on purpose."""

from __future__ import annotations

from typing import Any

from app.core.load_options import LoadOptions
from app.inference.loading.engine_parameters import context_parameters, model_parameters

LEFT = {
    "n_rs_seq": 0,
    "n_outputs_max_per_seq": 1,
    "ctx_type": 0,
    "rope_scaling_type": -1,
    "pooling_type": -1,
    "attention_type": -1,
    "rope_freq_base": 0.0,
    "rope_freq_scale": 0.0,
    "yarn_ext_factor": -1.0,
    "yarn_attn_factor": -1.0,
    "yarn_beta_fast": -1.0,
    "yarn_beta_slow": -1.0,
    "yarn_orig_ctx": 0,
    "embeddings": False,
    "op_offload": True,
    "n_samplers": 0,
}
"""What llama-server's parameters hold when nobody chooses (common_params in common/common.h)."""
SET = {
    "n_ctx": 4096,
    "n_batch": 2048,
    "n_ubatch": 512,
    "n_seq_max": 4,
    "n_outputs_max": 4,
    "flash_attn_type": -1,
    "type_k": 1,
    "type_v": 1,
    "offload_kqv": True,
    "swa_full": False,
    "kv_unified": True,
}
"""With a context of 4,096 tokens and four slots, which is how many it has by itself."""
OWN = {"n_threads", "n_threads_batch", "no_perf", "defrag_thold"}
"""Threads are counted alike; llama-server measures times; the last is read by nobody any more."""
MODEL_LEFT = {
    "split_mode": 1,
    "lazy_mode": 1,
    "main_gpu": 0,
    "vocab_only": False,
    "check_tensors": False,
    "no_host": False,
    "no_alloc": False,
    "load_mtp": False,
}
MODEL_OWN = {"n_gpu_layers", "load_mode", "use_extra_bufts"}
"""What a load plans, a person chooses, or the engine's test has found."""


def numbers(structure: Any) -> dict[str, float]:
    values = {name: getattr(structure, name) for name, *_ in structure._fields_}
    return {name: value for name, value in values.items() if isinstance(value, int | float)}


def test_a_context_has_the_parameters_of_llama_server() -> None:
    parameters = context_parameters(LoadOptions(), 4096, sequences=4, single_batch=False)
    found = numbers(parameters)
    assert {name: found[name] for name in found.keys() - OWN} == LEFT | SET


def test_a_model_has_the_parameters_of_llama_server() -> None:
    parameters = model_parameters(LoadOptions(), 99, 0, None, is_mapped=True)
    found = numbers(parameters.structure)
    assert {name: found[name] for name in found.keys() - MODEL_OWN} == MODEL_LEFT


def test_a_step_has_room_for_a_token_of_each_reply() -> None:
    options = LoadOptions(batch=32)
    assert context_parameters(options, 4096, sequences=64, single_batch=False).n_batch == 64
    assert context_parameters(options, 4096, sequences=4, single_batch=False).n_batch == 32


def test_who_asks_for_all_outputs_gets_room_for_a_batch() -> None:
    for load_request in ({"single_batch": True}, {"single_batch": False, "all_outputs": True}):
        parameters = context_parameters(LoadOptions(), 4096, sequences=4, **load_request)
        # As many as the batch has.
        assert parameters.n_outputs_max == 0
