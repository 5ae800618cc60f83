"""Published checkpoints of full size without weights: real headers, each followed by a hole."""

from __future__ import annotations

import json
import math
import shutil
import struct
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

from tests.support.checkpoints.checkpoints import make_tiny_checkpoint, smollm2_checkpoint

Shapes = dict[str, tuple[int, ...]]

_BYTES_PER_WEIGHT = 2


@dataclass(frozen=True)
class HollowModel:
    """A published checkpoint of bfloat16 weights.

    `config` is its config.json, `defaults` are values that it leaves to transformers, and
    `parameters` is the number of weights shown on its page on the Hub.
    """

    config: dict[str, Any]
    parameters: int
    shards: int
    has_head: bool
    defaults: dict[str, Any]

    @property
    def decoder(self) -> dict[str, Any]:
        """Configuration of the language model, which may be one part of the whole."""
        return self.defaults | self.config.get("text_config", self.config)


_LLAMA_3_1_70B = {
    "architectures": ["LlamaForCausalLM"],
    "attention_bias": False,
    "attention_dropout": 0.0,
    "bos_token_id": 128000,
    "eos_token_id": [128001, 128008, 128009],
    "hidden_act": "silu",
    "hidden_size": 8192,
    "initializer_range": 0.02,
    "intermediate_size": 28672,
    "max_position_embeddings": 131072,
    "mlp_bias": False,
    "model_type": "llama",
    "num_attention_heads": 64,
    "num_hidden_layers": 80,
    "num_key_value_heads": 8,
    "pretraining_tp": 1,
    "rms_norm_eps": 1e-05,
    "rope_scaling": {
        "factor": 8.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 8192,
        "rope_type": "llama3",
    },
    "rope_theta": 500000.0,
    "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
    "use_cache": True,
    "vocab_size": 128256,
}
_QWEN3 = {
    "architectures": ["Qwen3ForCausalLM"],
    "attention_bias": False,
    "attention_dropout": 0.0,
    "bos_token_id": 151643,
    "eos_token_id": 151645,
    "head_dim": 128,
    "hidden_act": "silu",
    "initializer_range": 0.02,
    "max_position_embeddings": 40960,
    "model_type": "qwen3",
    "num_key_value_heads": 8,
    "rms_norm_eps": 1e-06,
    "rope_scaling": None,
    "rope_theta": 1000000,
    "sliding_window": None,
    "torch_dtype": "bfloat16",
    "use_cache": True,
    "use_sliding_window": False,
    "vocab_size": 151936,
}
_QWEN3_0_6B = _QWEN3 | {
    "hidden_size": 1024,
    "intermediate_size": 3072,
    "max_window_layers": 28,
    "num_attention_heads": 16,
    "num_hidden_layers": 28,
    "tie_word_embeddings": True,
}
_QWEN3_14B = _QWEN3 | {
    "hidden_size": 5120,
    "intermediate_size": 17408,
    "max_window_layers": 40,
    "num_attention_heads": 40,
    "num_hidden_layers": 40,
    "tie_word_embeddings": False,
}
_GEMMA_3_4B = {
    "architectures": ["Gemma3ForConditionalGeneration"],
    "boi_token_index": 255999,
    "eoi_token_index": 256000,
    "eos_token_id": [1, 106],
    "image_token_index": 262144,
    "initializer_range": 0.02,
    "mm_tokens_per_image": 256,
    "model_type": "gemma3",
    "text_config": {
        "hidden_size": 2560,
        "intermediate_size": 10240,
        "model_type": "gemma3_text",
        "num_hidden_layers": 34,
        "rope_scaling": {"factor": 8.0, "rope_type": "linear"},
        "sliding_window": 1024,
    },
    "torch_dtype": "bfloat16",
    "vision_config": {
        "hidden_size": 1152,
        "image_size": 896,
        "intermediate_size": 4304,
        "model_type": "siglip_vision_model",
        "num_attention_heads": 16,
        "num_hidden_layers": 27,
        "patch_size": 14,
        "vision_use_head": False,
    },
}
_GEMMA_DEFAULTS = {
    "head_dim": 256,
    "num_attention_heads": 8,
    "num_key_value_heads": 4,
    "vocab_size": 262208,
}

HOLLOW_MODELS = {
    # Its file has an output matrix, although its configuration says otherwise.
    "qwen3-0.6b": HollowModel(_QWEN3_0_6B, 751_632_384, 1, True, {}),
    "qwen3-14b": HollowModel(_QWEN3_14B, 14_768_307_200, 8, True, {}),
    "meta-llama-3.1-70b-instruct": HollowModel(
        _LLAMA_3_1_70B, 70_553_706_496, 30, True, {"head_dim": 128}
    ),
    "gemma-3-4b-it": HollowModel(_GEMMA_3_4B, 4_300_079_472, 2, False, _GEMMA_DEFAULTS),
}
"""By the names of llama.cpp's snapshots."""


def make_hollow_checkpoint(model: HollowModel, folder: Path) -> Path:
    """Write the checkpoint with a known tokenizer that is smaller than its vocabulary."""
    if model.config["model_type"] == "gemma3":
        _take_sentencepiece(folder)
    else:
        _take_byte_pairs(folder)
    (folder / "config.json").write_text(json.dumps(model.config))
    write_shards(tensor_shapes(model), model.shards, folder)
    return folder


def tensor_shapes(model: HollowModel) -> Shapes:
    """Return the shape of each tensor by its name, in the order of the layers."""
    prefix = "language_model.model" if "text_config" in model.config else "model"
    decoder = model.decoder
    embedding = (decoder["vocab_size"], decoder["hidden_size"])
    shapes = {f"{prefix}.embed_tokens.weight": embedding}
    for layer in range(decoder["num_hidden_layers"]):
        shapes |= {
            f"{prefix}.layers.{layer}.{name}.weight": shape
            for name, shape in _decoder_layer(decoder).items()
        }
    shapes[f"{prefix}.norm.weight"] = (decoder["hidden_size"],)
    if model.has_head:
        shapes["lm_head.weight"] = embedding
    if "vision_config" in model.config:
        shapes |= _vision_shapes(model.config["vision_config"], decoder["hidden_size"])
    return shapes


def _decoder_layer(decoder: dict[str, Any]) -> Shapes:
    width, inner, head_width = (
        decoder[name] for name in ("hidden_size", "intermediate_size", "head_dim")
    )
    query_width = decoder["num_attention_heads"] * head_width
    key_width = decoder["num_key_value_heads"] * head_width
    shapes: Shapes = {
        "input_layernorm": (width,),
        "post_attention_layernorm": (width,),
        "self_attn.q_proj": (query_width, width),
        "self_attn.k_proj": (key_width, width),
        "self_attn.v_proj": (key_width, width),
        "self_attn.o_proj": (width, query_width),
        "mlp.gate_proj": (inner, width),
        "mlp.up_proj": (inner, width),
        "mlp.down_proj": (width, inner),
    }
    if decoder["model_type"] != "llama":
        shapes |= {"self_attn.q_norm": (head_width,), "self_attn.k_norm": (head_width,)}
    if decoder["model_type"] == "gemma3_text":
        shapes |= {"pre_feedforward_layernorm": (width,), "post_feedforward_layernorm": (width,)}
    return shapes


def _vision_shapes(vision: dict[str, Any], text_width: int) -> Shapes:
    width, inner, patch = (
        vision[name] for name in ("hidden_size", "intermediate_size", "patch_size")
    )
    prefix = "vision_tower.vision_model"
    shapes: Shapes = {
        "multi_modal_projector.mm_input_projection_weight": (width, text_width),
        "multi_modal_projector.mm_soft_emb_norm.weight": (width,),
        f"{prefix}.embeddings.patch_embedding.weight": (width, 3, patch, patch),
        f"{prefix}.embeddings.patch_embedding.bias": (width,),
        f"{prefix}.embeddings.position_embedding.weight": (
            (vision["image_size"] // patch) ** 2,
            width,
        ),
        f"{prefix}.post_layernorm.weight": (width,),
        f"{prefix}.post_layernorm.bias": (width,),
    }
    layer = {
        **{f"self_attn.{name}_proj": (width, width) for name in ("q", "k", "v", "out")},
        **{f"layer_norm{number}": (width,) for number in (1, 2)},
        "mlp.fc1": (inner, width),
        "mlp.fc2": (width, inner),
    }
    for number in range(vision["num_hidden_layers"]):
        for name, shape in layer.items():
            shapes[f"{prefix}.encoder.layers.{number}.{name}.weight"] = shape
            shapes[f"{prefix}.encoder.layers.{number}.{name}.bias"] = shape[:1]
    return shapes


def write_shards(shapes: Shapes, count: int, folder: Path) -> None:
    """Write the weight files of a checkpoint: real headers, holes, and an index for several."""
    if count == 1:
        _write_shard(shapes, folder / "model.safetensors")
        return
    sizes = [_size_bytes(shape) for shape in shapes.values()]
    total_bytes = sum(sizes)
    shards: list[Shapes] = [{} for _ in range(count)]
    for name, end in zip(shapes, accumulate(sizes), strict=True):
        shards[(end - 1) * count // total_bytes][name] = shapes[name]
    weight_map = {}
    for number, shard in enumerate(shards, start=1):
        file = folder / f"model-{number:05}-of-{count:05}.safetensors"
        _write_shard(shard, file)
        weight_map |= dict.fromkeys(shard, file.name)
    index = {"metadata": {"total_size": total_bytes}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def _write_shard(shapes: Shapes, file: Path) -> None:
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, shape in shapes.items():
        begin, end = end, end + _size_bytes(shape)
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with file.open("wb") as opened:
        opened.write(struct.pack("<Q", len(text)) + text)
        opened.truncate(opened.tell() + end)


def _size_bytes(shape: tuple[int, ...]) -> int:
    return _BYTES_PER_WEIGHT * math.prod(shape)


def _take_byte_pairs(folder: Path) -> None:
    folder.mkdir()
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(smollm2_checkpoint() / name, folder)


def _take_sentencepiece(folder: Path) -> None:
    make_tiny_checkpoint(folder)
    (folder / "model.safetensors").unlink()
