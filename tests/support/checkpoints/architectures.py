"""Small random checkpoints of other architectures, as saved by transformers."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.checkpoints.checkpoints import make_tiny_checkpoint, smollm2_checkpoint
from tests.support.checkpoints.small_configurations import DIMENSIONS

_TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json")
_SENTENCEPIECE: dict[str, dict[str, Any]] = {
    "MixtralConfig": {**DIMENSIONS, "num_local_experts": 4, "num_experts_per_tok": 2},
    "GemmaConfig": {**DIMENSIONS, "num_key_value_heads": 1},
    "Gemma2Config": {**DIMENSIONS, "query_pre_attn_scalar": 64},
    "Gemma3TextConfig": {**DIMENSIONS, "query_pre_attn_scalar": 64},
}
_SENTENCEPIECE["Phi3Config"] = {**DIMENSIONS, "original_max_position_embeddings": 512}
_BYTE_PAIRS: dict[str, dict[str, Any]] = {
    "Qwen3Config": DIMENSIONS,
    "Qwen2MoeConfig": {
        **DIMENSIONS,
        "num_experts": 4,
        "num_experts_per_tok": 2,
        "moe_intermediate_size": 256,
        "shared_expert_intermediate_size": 256,
    },
    # Its feed-forward width is always four times the model's.
    "PhiConfig": {**DIMENSIONS, "num_key_value_heads": 4, "intermediate_size": 1024},
    "GPTNeoXConfig": {**DIMENSIONS, "rotary_pct": 0.25},
    "GPT2Config": {"n_embd": 256, "n_layer": 2, "n_head": 4, "n_positions": 512},
    "MambaConfig": {"hidden_size": 256, "num_hidden_layers": 2, "state_size": 16},
    # Two convolution layers, one attention layer, one convolution layer: heads per layer.
    "Lfm2Config": {
        **DIMENSIONS,
        "num_hidden_layers": 4,
        "layer_types": ["conv", "conv", "full_attention", "conv"],
    },
    "FalconConfig": {
        "hidden_size": 256,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "new_decoder_architecture": False,
        "multi_query": True,
        "num_kv_heads": 1,
    },
}
_LINEAR_ATTENTION = {
    **DIMENSIONS,
    "num_hidden_layers": 4,
    "full_attention_interval": 4,
    "linear_num_key_heads": 2,
    "linear_num_value_heads": 4,
    "linear_key_head_dim": 64,
    "linear_value_head_dim": 64,
}
_OF_OTHER_TESTS: dict[str, dict[str, Any]] = {
    "ApertusConfig": DIMENSIONS,
    "Ministral3Config": DIMENSIONS,
    "Qwen3_5TextConfig": _LINEAR_ATTENTION,
    "Qwen3NextConfig": {
        **_LINEAR_ATTENTION,
        "num_experts": 4,
        "num_experts_per_tok": 2,
        "moe_intermediate_size": 256,
        "shared_expert_intermediate_size": 256,
    },
    "Glm4MoeConfig": {
        **DIMENSIONS,
        "n_routed_experts": 4,
        "num_experts_per_tok": 2,
        "moe_intermediate_size": 256,
        "n_shared_experts": 1,
        "first_k_dense_replace": 1,
        "num_nextn_predict_layers": 1,
    },
}


def make_checkpoint(configuration: str, folder: Path, **changes: Any) -> Path:
    """Make a checkpoint with random bfloat16 weights; `configuration` is a class of transformers.

    `changes` replace values of its configuration.
    """
    folder.mkdir(parents=True)
    if configuration in _SENTENCEPIECE:
        values = _SENTENCEPIECE[configuration] | {"vocab_size": 512}
        _take_sentencepiece(folder)
    else:
        known = _BYTE_PAIRS | _OF_OTHER_TESTS
        values = known[configuration] | {"vocab_size": 49_152}
        for name in _TOKENIZER_FILES:
            shutil.copy(smollm2_checkpoint() / name, folder)
    _save(configuration, values | changes, folder)
    return folder


def _take_sentencepiece(folder: Path) -> None:
    llama = make_tiny_checkpoint(folder / "llama")
    for name in ("tokenizer.model", "tokenizer_config.json"):
        shutil.move(llama / name, folder)
    shutil.rmtree(llama)


def _save(configuration: str, values: dict[str, Any], folder: Path) -> None:
    import torch
    import transformers

    torch.manual_seed(0)
    make: Callable[..., Any] = getattr(transformers, configuration)
    model = transformers.AutoModelForCausalLM.from_config(make(**values), dtype=torch.bfloat16)
    model.save_pretrained(folder)
