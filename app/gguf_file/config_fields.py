"""Name the fields of config.json that entries of a GGUF header come from.

Users know those of config.json. conversion/base.py reads some under older names, too.
"""

from __future__ import annotations

_FIELDS = {
    "attention.head_count": "num_attention_heads",
    "attention.head_count_kv": "num_key_value_heads",
    "attention.key_length": "head_dim",
    "attention.layer_norm_epsilon": "layer_norm_eps",
    "attention.layer_norm_rms_epsilon": "rms_norm_eps",
    "attention.sliding_window": "sliding_window",
    "attention.value_length": "head_dim",
    "block_count": "num_hidden_layers",
    "context_length": "max_position_embeddings",
    "embedding_length": "hidden_size",
    "expert_feed_forward_length": "moe_intermediate_size",
    "expert_used_count": "num_experts_per_tok",
    "feed_forward_length": "intermediate_size",
    "final_logit_softcapping": "final_logit_softcapping",
    "ggml.bos_token_id": "bos_token_id",
    "ggml.eos_token_id": "eos_token_id",
    "ggml.padding_token_id": "pad_token_id",
    "rope.freq_base": "rope_theta",
    "vocab_size": "vocab_size",
}
"""By the key without the architecture (gguf-py/gguf/constants.py), or without `tokenizer`."""


def config_field(key: str) -> str | None:
    """Return the field of config.json behind a key such as `llama.embedding_length`."""
    return _FIELDS.get(key.partition(".")[2])
