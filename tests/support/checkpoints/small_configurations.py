"""The smallest valid configuration of a class of transformers, by the names of its fields."""

from __future__ import annotations

from typing import Any

DIMENSIONS: dict[str, Any] = {
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
}
_SMALL: dict[str, Any] = {
    **DIMENSIONS,
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
    # Other names of the fields above
    "n_embd": 256,
    "n_layer": 2,
    "n_head": 4,
    "n_positions": 512,
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
    # Vision and audio towers
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
_ALL_HEADS = {"num_key_value_heads": 4}
_FOUR_LAYERS = {"num_hidden_layers": 4}
_CONVOLUTIONS = {**_FOUR_LAYERS, "layer_types": ["conv", "conv", "full_attention", "conv"]}
_ENCODER_AND_DECODER = {"decoder_start_token_id": 0, "eos_token_id": 1}
_SECTIONS = {"rope_scaling": {"rope_type": "default", "mrope_section": [8, 12, 12]}}
_OF_CLASS: dict[str, dict[str, Any]] = {
    "BambaConfig": {**_FOUR_LAYERS, "attn_layer_indices": [1]},
    # Published configurations set this, although their class doesn't define it.
    "Cohere2Config": {"rotary_pct": 1.0},
    "ChameleonConfig": {"vocabulary_map": {"<image>": 4}},
    "DbrxConfig": {
        "attn_config": {"kv_n_heads": 2, "clip_qkv": 8, "rope_theta": 10000.0},
        "ffn_config": {"ffn_hidden_size": 512, "moe_num_experts": 4, "moe_top_k": 2},
    },
    "DeepseekV2Config": _ALL_HEADS,
    "DeepseekV3Config": _ALL_HEADS,
    "DeepseekV32Config": _ALL_HEADS,
    "DeepseekV4Config": {"num_hash_layers": 0},
    "Dots1Config": _ALL_HEADS,
    "Dots3NoteTextConfig": {**_ALL_HEADS, "topk_method": "noaux_tc", "scoring_func": "sigmoid"},
    "EuroBertConfig": {"classifier_pooling": "mean"},
    "ExaoneMoeConfig": {"scoring_func": "sigmoid"},
    "FalconConfig": {
        "new_decoder_architecture": False,
        "multi_query": True,
        "num_kv_heads": 1,
    },
    "FalconH1Config": {"head_dim": 64},
    "Glm4MoeLiteConfig": _ALL_HEADS,
    "GlmMoeDsaConfig": _ALL_HEADS,
    "GPT2Config": {"n_ctx": 512},
    "Gemma2Config": {"query_pre_attn_scalar": 64},
    "Gemma3TextConfig": {"query_pre_attn_scalar": 64, "num_hidden_layers": 6},
    "Gemma3nTextConfig": {"num_hidden_layers": 10, "num_kv_shared_layers": 5},
    "Glm5NextTextConfig": {**_ALL_HEADS, "qk_rope_head_dim": 0, "qk_head_dim": 64},
    "GraniteMoeHybridConfig": {
        **_FOUR_LAYERS,
        "layer_types": ["mamba", "attention", "mamba", "mamba"],
    },
    "HunYuanMoEV1Config": {
        "moe_intermediate_size": [512, 512],
        "moe_topk": [2, 2],
        "num_shared_expert": [1, 1],
    },
    "JambaConfig": {
        **_FOUR_LAYERS,
        "attn_layer_period": 2,
        "attn_layer_offset": 1,
        "use_mamba_kernels": False,
    },
    "Lfm2Config": _CONVOLUTIONS,
    "Lfm2MoeConfig": {**_CONVOLUTIONS, "num_dense_layers": 2},
    "Llama4TextConfig": {
        **_FOUR_LAYERS,
        "intermediate_size_mlp": 512,
        "attention_chunk_size": 64,
    },
    "Mamba2Config": {"num_heads": 8, "head_dim": 64, "n_groups": 1},
    "MT5Config": _ENCODER_AND_DECODER,
    "NemotronHConfig": {
        **_FOUR_LAYERS,
        "layers_block_type": ["mamba", "attention", "mamba", "mlp"],
        "mamba_num_heads": 8,
    },
    # Its feed-forward width is always four times the model's.
    "PhiConfig": {"num_key_value_heads": 4, "intermediate_size": 1024},
    "PocketTTSFlowHeadConfig": {"condition_dim": 256},
    "Qwen3NextConfig": _FOUR_LAYERS,
    "Qwen3VLTextConfig": _SECTIONS,
    "Qwen3VLMoeTextConfig": _SECTIONS,
    "Qwen3_5MoeTextConfig": _FOUR_LAYERS,
    "Qwen3_5TextConfig": _FOUR_LAYERS,
    "T5Config": _ENCODER_AND_DECODER,
    "UMT5Config": _ENCODER_AND_DECODER,
}
"""Values that don't follow from the names of fields, by class."""


def small_configuration(kind: Any, vocabulary: int) -> Any:
    """Return a configuration of the class `kind`, with small parts."""
    return kind(**_values(kind, vocabulary))


def _values(kind: Any, vocabulary: int) -> dict[str, Any]:
    usual = _usual(kind)
    values = {name: value for name, value in _SMALL.items() if name in usual}
    values |= {name: vocabulary for name in usual if name.startswith("vocab_size")}
    for name, value in usual.items():
        if hasattr(value, "to_dict"):
            part = type(value)
            values[name] = {"model_type": part.model_type, **_values(part, vocabulary)}
    return values | _OF_CLASS.get(kind.__name__, {})


def _usual(kind: Any) -> dict[str, Any]:
    """Return the fields of a class with their defaults, or all known fields if it has none."""
    try:
        made = kind()
    except ValueError:
        return _SMALL
    return {**made.to_dict(), **vars(made)}
