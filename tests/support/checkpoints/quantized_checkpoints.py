"""Small checkpoints with quantized weights, in published formats."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from tests.support.checkpoints.checkpoints import make_tiny_checkpoint

Tensors = dict[str, torch.Tensor]
_GROUP = 64
_BLOCK = 128
_NIBBLES = torch.arange(0, 32, 4, dtype=torch.int32)


def make_quantized(method: str, folder: Path) -> Path:
    """Make a tiny Llama with projections quantized by `method`, one of `METHODS`."""
    make_tiny_checkpoint(folder, dtype="float16")
    config, quantize = METHODS[method]
    weights = folder / "model.safetensors"
    tensors: Tensors = {}
    for name, tensor in load_file(weights).items():
        is_projection = "_proj." in name
        tensors |= (
            quantize(name.removesuffix(".weight"), tensor) if is_projection else {name: tensor}
        )
    save_file(tensors, weights, metadata={"format": "pt"})
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"quantization_config": config}))
    return folder


def _gptq(base: str, weight: torch.Tensor) -> Tensors:
    outputs, inputs = weight.shape
    groups = weight.float().reshape(outputs, -1, _GROUP)
    scales = groups.abs().amax(-1) / 7
    numbers = (groups / scales[..., None]).round().clamp(-8, 7).reshape(outputs, inputs) + 8
    # The format stores zero points minus one, eight numbers per word, along the inputs.
    zeros = torch.full((inputs // _GROUP, outputs), 7)
    return {
        f"{base}.qweight": _packed(numbers.T.contiguous().int(), dimension=0),
        f"{base}.qzeros": _packed(zeros.int(), dimension=1),
        f"{base}.scales": scales.T.contiguous().half(),
        f"{base}.g_idx": (torch.arange(inputs) // _GROUP).int(),
    }


def _packed(numbers: torch.Tensor, dimension: int) -> torch.Tensor:
    eights = numbers.unflatten(dimension, (-1, 8))
    shape = [1] * eights.dim()
    shape[dimension + 1] = 8
    return (eights << _NIBBLES.reshape(shape)).sum(dimension + 1, dtype=torch.int64).int()


def _fp8(base: str, weight: torch.Tensor) -> Tensors:
    rows, columns = (-(-length // _BLOCK) for length in weight.shape)
    scale = torch.full((rows, columns), 0.002) * torch.arange(1, columns + 1)
    spread = scale.repeat_interleave(_BLOCK, 0).repeat_interleave(_BLOCK, 1)
    kept = spread[: weight.shape[0], : weight.shape[1]]
    return {
        f"{base}.weight": (weight.float() / kept).to(torch.float8_e4m3fn),
        f"{base}.weight_scale_inv": scale,
    }


def _int8_per_channel(base: str, weight: torch.Tensor) -> Tensors:
    scale = weight.float().abs().amax(1, keepdim=True) / 127
    return {
        f"{base}.weight": (weight.float() / scale).round().to(torch.int8),
        f"{base}.weight_scale": scale.half(),
    }


def _packed_groups(base: str, weight: torch.Tensor) -> Tensors:
    outputs, inputs = weight.shape
    groups = weight.float().reshape(outputs, -1, _GROUP)
    scales = groups.abs().amax(-1) / 7
    numbers = (groups / scales[..., None]).round().clamp(-8, 7).reshape(outputs, inputs) + 8
    return {
        f"{base}.weight_packed": _packed(numbers.int(), dimension=1),
        f"{base}.weight_scale": scales.half(),
        f"{base}.weight_shape": torch.tensor([outputs, inputs], dtype=torch.int64),
    }


def _awq(base: str, weight: torch.Tensor) -> Tensors:
    gptq = _gptq(base, weight)
    del gptq[f"{base}.g_idx"]
    return gptq


def _four_bit_floats(base: str, weight: torch.Tensor) -> Tensors:
    return {
        f"{base}.weight": torch.zeros((weight.numel() // 2, 1), dtype=torch.uint8),
        f"{base}.weight.absmax": torch.ones(weight.numel() // _GROUP),
    }


def _compressed(kind: str, **weights: Any) -> dict[str, Any]:
    groups = {"group_0": {"targets": ["Linear"], "weights": {"type": "int", **weights}}}
    return {"quant_method": "compressed-tensors", "format": kind, "config_groups": groups}


METHODS: dict[str, tuple[dict[str, Any], Callable[[str, torch.Tensor], Tensors]]] = {
    "gptq": ({"quant_method": "gptq", "bits": 4, "group_size": _GROUP}, _gptq),
    "fp8": ({"quant_method": "fp8", "weight_block_size": [_BLOCK, _BLOCK]}, _fp8),
    "int8": (_compressed("int-quantized", num_bits=8, strategy="channel"), _int8_per_channel),
    "packed": (
        _compressed("pack-quantized", num_bits=4, strategy="group", group_size=_GROUP),
        _packed_groups,
    ),
    "awq": ({"quant_method": "awq", "bits": 4, "group_size": _GROUP}, _awq),
    "bitsandbytes": ({"quant_method": "bitsandbytes", "load_in_4bit": True}, _four_bit_floats),
}
