"""Small checkpoints in block formats that llama.cpp keeps: gpt-oss in MXFP4, others in NVFP4."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from tests.support.checkpoints.architectures import make_checkpoint
from tests.support.checkpoints.checkpoints import make_tiny_checkpoint, smollm2_checkpoint

Tensors = dict[str, torch.Tensor]
_WIDTH, _INNER, _HEADS, _KEY_HEADS, _HEAD_WIDTH = 256, 256, 4, 2, 64
_EXPERTS, _VOCABULARY = 4, 49_152
_MXFP4_BLOCK, _NVFP4_BLOCK = 32, 16
_EXPONENT_BIAS = 127
GPT_OSS: dict[str, Any] = {
    "architectures": ["GptOssForCausalLM"],
    "model_type": "gpt_oss",
    "hidden_size": _WIDTH,
    "intermediate_size": _INNER,
    "num_hidden_layers": 2,
    "layer_types": ["sliding_attention", "full_attention"],
    "sliding_window": 128,
    "num_attention_heads": _HEADS,
    "num_key_value_heads": _KEY_HEADS,
    "head_dim": _HEAD_WIDTH,
    "num_local_experts": _EXPERTS,
    "num_experts_per_tok": 2,
    "max_position_embeddings": 1024,
    "vocab_size": _VOCABULARY,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 0,
    "torch_dtype": "bfloat16",
    "quantization_config": {
        "quant_method": "mxfp4",
        "modules_to_not_convert": ["model.layers.*.self_attn", "lm_head", "model.embed_tokens"],
    },
}
NVFP4: dict[str, dict[str, Any]] = {
    "modelopt": {"quant_method": "modelopt", "quant_algo": "NVFP4", "ignore": ["lm_head"]},
    "compressed-tensors": {
        "quant_method": "compressed-tensors",
        "format": "nvfp4-pack-quantized",
        "config_groups": {
            "group_0": {
                "targets": ["Linear"],
                "weights": {"type": "float", "num_bits": 4, "group_size": _NVFP4_BLOCK},
            }
        },
    },
}


def make_gpt_oss(folder: Path) -> Path:
    """Make a tiny random gpt-oss with experts in MXFP4, as OpenAI publishes it."""
    folder.mkdir(parents=True)
    tokenizer = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|im_end|>"}
    shutil.copy(smollm2_checkpoint() / "tokenizer.json", folder)
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer))
    (folder / "config.json").write_text(json.dumps(GPT_OSS))
    chance = torch.Generator().manual_seed(0)
    tensors = {
        "model.embed_tokens.weight": _matrix(chance, _VOCABULARY, _WIDTH),
        "model.norm.weight": torch.ones(_WIDTH, dtype=torch.bfloat16),
        "lm_head.weight": _matrix(chance, _VOCABULARY, _WIDTH),
    }
    for layer in range(GPT_OSS["num_hidden_layers"]):
        tensors |= _gpt_oss_layer(f"model.layers.{layer}", chance)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def _gpt_oss_layer(base: str, chance: torch.Generator) -> Tensors:
    widths = {"q": _HEADS, "k": _KEY_HEADS, "v": _KEY_HEADS}
    tensors = {
        f"{base}.input_layernorm.weight": torch.ones(_WIDTH, dtype=torch.bfloat16),
        f"{base}.post_attention_layernorm.weight": torch.ones(_WIDTH, dtype=torch.bfloat16),
        f"{base}.self_attn.sinks": _matrix(chance, _HEADS),
        f"{base}.self_attn.o_proj.weight": _matrix(chance, _WIDTH, _HEADS * _HEAD_WIDTH),
        f"{base}.self_attn.o_proj.bias": _matrix(chance, _WIDTH),
        f"{base}.mlp.router.weight": _matrix(chance, _EXPERTS, _WIDTH),
        f"{base}.mlp.router.bias": _matrix(chance, _EXPERTS),
        f"{base}.mlp.experts.gate_up_proj_bias": _matrix(chance, _EXPERTS, 2 * _INNER),
        f"{base}.mlp.experts.down_proj_bias": _matrix(chance, _EXPERTS, _WIDTH),
    }
    for name, heads in widths.items():
        rows = heads * _HEAD_WIDTH
        tensors[f"{base}.self_attn.{name}_proj.weight"] = _matrix(chance, rows, _WIDTH)
        tensors[f"{base}.self_attn.{name}_proj.bias"] = _matrix(chance, rows)
    for name, rows, columns in (("gate_up", 2 * _INNER, _WIDTH), ("down", _WIDTH, _INNER)):
        shape = (_EXPERTS, rows, columns // _MXFP4_BLOCK)
        numbers = torch.randint(0, 256, (*shape, _MXFP4_BLOCK // 2), generator=chance)
        exponents = torch.randint(-8, -4, shape, generator=chance) + _EXPONENT_BIAS
        tensors[f"{base}.mlp.experts.{name}_proj_blocks"] = numbers.to(torch.uint8)
        tensors[f"{base}.mlp.experts.{name}_proj_scales"] = exponents.to(torch.uint8)
    return tensors


def _matrix(chance: torch.Generator, *shape: int) -> torch.Tensor:
    return (torch.randn(shape, generator=chance) * 0.05).bfloat16()


def make_nvfp4(method: str, folder: Path) -> Path:
    """Make a tiny Llama with projections in NVFP4, named and scaled as by `method`."""
    return _in_nvfp4(method, make_tiny_checkpoint(folder), "_proj.")


def make_nvfp4_experts(method: str, folder: Path) -> Path:
    """Make a tiny Qwen2-MoE with experts in NVFP4."""
    return _in_nvfp4(method, make_checkpoint("Qwen2MoeConfig", folder), ".experts.")


def _in_nvfp4(method: str, folder: Path, part: str) -> Path:
    weights, chance = folder / "model.safetensors", torch.Generator().manual_seed(0)
    tensors: Tensors = {}
    for name, tensor in load_file(weights).items():
        if part in name:
            tensors |= _nvfp4(method, name, tensor.shape, chance)
        else:
            tensors[name] = tensor
    save_file(tensors, weights, metadata={"format": "pt"})
    file = folder / "config.json"
    config = json.loads(file.read_text()) | {"quantization_config": NVFP4[method]}
    file.write_text(json.dumps(config))
    return folder


def _nvfp4(method: str, name: str, shape: torch.Size, chance: torch.Generator) -> Tensors:
    rows, columns = shape
    numbers = torch.randint(0, 256, (rows, columns // 2), generator=chance).to(torch.uint8)
    scales = torch.rand((rows, columns // _NVFP4_BLOCK), generator=chance) * 400 + 1
    kept = {f"{name}_scale": scales.to(torch.float8_e4m3fn)}
    base = name.removesuffix(".weight")
    if method == "modelopt":
        return kept | {
            name: numbers,
            f"{name}_scale_2": torch.rand((), generator=chance) * 1e-4,
            f"{base}.input_scale": torch.tensor(0.01),
        }
    return kept | {
        f"{name}_packed": numbers,
        f"{name}_global_scale": torch.tensor([1e4]),
        f"{base}.input_global_scale": torch.tensor([100.0]),
    }
