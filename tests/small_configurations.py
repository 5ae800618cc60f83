"""The smallest valid configuration of a class of transformers, by the names of its fields."""

from __future__ import annotations

from typing import Any

_LAYERS = 4
"""Enough for the usual patterns of layer kinds."""
_SMALL: dict[str, Any] = {
    "hidden_size": 256,
    "intermediate_size": 512,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 64,
    "max_position_embeddings": 512,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    # Experts
    "num_experts": 4,
    "num_local_experts": 4,
    "n_routed_experts": 4,
    "moe_num_experts": 4,
    "num_experts_per_tok": 2,
    "moe_topk": 2,
    "moe_k": 2,
    "moe_top_k": 2,
    "moe_intermediate_size": 256,
    "shared_expert_intermediate_size": 256,
    "shared_intermediate_size": 256,
    "n_shared_experts": 1,
    "num_shared_experts": 1,
    "moe_num_shared_experts": 1,
    "n_group": 1,
    "topk_group": 1,
    "first_k_dense_replace": 1,
    "num_dense_layers": 1,
    "num_nextn_predict_layers": 0,
    # Latent attention
    "q_lora_rank": 256,
    "kv_lora_rank": 256,
    "qk_rope_head_dim": 64,
    "qk_nope_head_dim": 64,
    "qk_head_dim": 128,
    "v_head_dim": 64,
    "index_head_dim": 128,
    "index_n_heads": 4,
    "index_topk": 16,
    # Recurrent layers
    "state_size": 16,
    "time_step_rank": 16,
    "mamba_d_state": 64,
    "mamba_n_heads": 8,
    "mamba_d_head": 64,
    "mamba_d_ssm": 512,
    "mamba_dt_rank": 16,
    "linear_num_key_heads": 2,
    "linear_num_value_heads": 4,
    "linear_key_head_dim": 64,
    "linear_value_head_dim": 64,
    "linear_head_dim": 64,
    "linear_num_heads": 4,
    # Other names of the first ones
    "n_embd": 256,
    "n_layer": 2,
    "n_head": 4,
    "n_positions": 512,
    "n_inner": 512,
    "d_model": 256,
    "d_kv": 64,
    "d_ff": 512,
    "num_heads": 4,
    "num_layers": 2,
    "num_decoder_layers": 2,
    "dim": 256,
    "hidden_dim": 512,
    "n_heads": 4,
    "n_layers": 2,
    "max_seq_len": 512,
    "sliding_window": 64,
    "original_max_position_embeddings": 512,
    "max_window_layers": 2,
    # Towers for pictures and sounds
    "depth": 2,
    "out_hidden_size": 256,
    "embed_dim": 256,
    "image_size": 56,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
    "encoder_ffn_dim": 512,
    "decoder_ffn_dim": 512,
    "encoder_hidden_size": 256,
    "output_dim": 256,
    "projection_dim": 256,
    "projector_hidden_size": 256,
    "projection_intermediate_size": 256,
    "projector_input_dim": 256,
    "projector_output_dim": 256,
    "vision_output_dim": 256,
    "text_hidden_size": 256,
    "num_embeddings": 64,
    "image_token_embed_dim": 256,
}
_OF_CLASS: dict[str, dict[str, Any]] = {}
"""What the fields' names can't tell: values of one class."""


def small_configuration(kind: Any, vocabulary: int) -> Any:
    """A configuration of the class `kind`, its parts small too."""
    return kind(**_values(kind, vocabulary))


def _values(kind: Any, vocabulary: int) -> dict[str, Any]:
    name = kind.__name__
    fields = _fields(kind)
    values = {field: value for field, value in _SMALL.items() if field in fields}
    values |= {field: vocabulary for field in fields if field.startswith("vocab_size")}
    for part, part_kind in kind.sub_configs.items():
        if hasattr(part_kind, "sub_configs"):
            values[part] = _values(part_kind, vocabulary)
    return values | _OF_CLASS.get(name, {})


def _fields(kind: Any) -> set[str]:
    try:
        return set(kind().to_dict())
    except Exception:
        return set(_SMALL)
