"""A small Llama as the converter would lay it out, its weights in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gguf
import numpy as np
import numpy.typing as npt
import pytest

from app.conversion.layout.layout import LaidOutTensor, Layout
from app.gguf_file.header_writer import encoded

WIDTH, INNER, TOKENS = 256, 512, 300
Weights = dict[str, npt.NDArray[np.float32]]
_FLOAT32 = 0


@pytest.fixture
def weights() -> Weights:
    """What a model of one layer has, by llama.cpp's names."""
    random = np.random.default_rng(0)
    shapes = {
        "token_embd.weight": (TOKENS, WIDTH),
        "output_norm.weight": (WIDTH,),
        "blk.0.attn_norm.weight": (WIDTH,),
        "blk.0.ffn_norm.weight": (WIDTH,),
        "blk.0.attn_q.weight": (WIDTH, WIDTH),
        "blk.0.attn_k.weight": (WIDTH, WIDTH),
        "blk.0.attn_v.weight": (WIDTH, WIDTH),
        "blk.0.attn_output.weight": (WIDTH, WIDTH),
        "blk.0.ffn_gate.weight": (INNER, WIDTH),
        "blk.0.ffn_up.weight": (INNER, WIDTH),
        "blk.0.ffn_down.weight": (WIDTH, INNER),
    }
    return {name: random.standard_normal(shape, np.float32) for name, shape in shapes.items()}


@pytest.fixture
def lay_out(weights: Weights) -> Callable[..., Layout]:
    """Lays `weights` out; keyword arguments change the metadata, `__` standing for a dot."""

    def build(architecture: str = "llama", **changes: Any) -> Layout:
        metadata = _metadata(architecture)
        for key, value in changes.items():
            metadata[key.replace("__", ".")].value = value
        tensors = tuple(_laid_out(*item) for item in weights.items())
        return Layout(architecture, encoded(metadata), tensors)

    return build


def _laid_out(name: str, values: npt.NDArray[np.float32]) -> LaidOutTensor:
    return LaidOutTensor(name, values.shape, _FLOAT32, values.nbytes, lambda: values)


def _metadata(architecture: str) -> dict[str, Any]:
    writer = gguf.GGUFWriter(None, architecture)
    writer.add_name("tiny")
    writer.add_block_count(1)
    writer.add_context_length(128)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(4)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_quantization_version(2)
    writer.add_file_type(0)
    writer.add_tokenizer_model("llama")
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    tokens += [f"▁word{number}" for number in range(TOKENS - len(tokens))]
    kinds = [2, 3, 3] + [6] * 256 + [1] * (TOKENS - 259)
    writer.add_token_list(tokens)
    writer.add_token_scores([0.0] * TOKENS)
    writer.add_token_types(kinds)
    return dict(writer.kv_data[0])
