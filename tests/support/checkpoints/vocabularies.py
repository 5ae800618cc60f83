"""The converter's vocabularies: the bytes of each token, and models made on them."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from app.gguf_file.header_reader import read_array, read_entries, read_header, read_strings
from tests.support.gguf.gguf_files import GgufFile, Tensor

_NORMAL, _USER_DEFINED, _BYTE = 1, 4, 6
_TYPES, _TOKENS = "tokenizer.ggml.token_type", "tokenizer.ggml.tokens"
_WIDTH = 32
_DECAY = "ssm_a"
_VISIBLE = (*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100))
_HIDDEN = [byte for byte in range(256) if byte not in _VISIBLE]
_BYTES = {chr(byte): byte for byte in _VISIBLE} | {
    chr(0x100 + place): byte for place, byte in enumerate(_HIDDEN)
}
"""GPT-2's letters for bytes: visible ones map to themselves, the others are shifted up."""


def vocabulary_file(converter: Path, name: str) -> Path:
    """Return the file of a vocabulary."""
    return next(converter.iterdir()) / "models" / f"ggml-vocab-{name}.gguf"


def token_texts(path: Path) -> list[bytes]:
    """Return the bytes of every token in a reply; control tokens and unused ones have none."""
    header = read_header(path)
    is_byte_level = header.metadata["tokenizer.ggml.model"] == "gpt2"
    kinds = read_array(header, _TYPES)
    texts = read_strings(header, _TOKENS)
    return [
        _text(raw, kind, is_byte_level=is_byte_level)
        for raw, kind in zip(texts, kinds, strict=True)
    ]


def _text(raw: bytes, kind: object, *, is_byte_level: bool) -> bytes:
    if kind == _BYTE:
        return bytes([int(raw[3:5], 16)])
    if kind == _USER_DEFINED:
        return raw
    if kind != _NORMAL:
        return b""
    text = raw.decode()
    if not is_byte_level:
        return text.replace("▁", " ").encode()
    # The rule of Hugging Face's tokenizers: all letters stand for bytes, or none does.
    return bytes(map(_BYTES.__getitem__, text)) if _BYTES.keys() >= set(text) else raw


def write_model_on(vocabulary: Path, target: Path, *, context: int = 512) -> Path:
    """Make a Llama of one layer whose tokens are all equally likely."""
    metadata = {
        "general.architecture": "llama",
        "llama.block_count": 1,
        "llama.context_length": context,
        "llama.embedding_length": _WIDTH,
        "llama.feed_forward_length": _WIDTH,
        "llama.attention.head_count": 2,
        "llama.attention.layer_norm_rms_epsilon": 1e-5,
    }
    matrices = ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down")
    layer = [Tensor(f"blk.0.{name}.weight", (_WIDTH, _WIDTH)) for name in matrices]
    norms = [Tensor(f"blk.0.{name}.weight", (_WIDTH,)) for name in ("attn_norm", "ffn_norm")]
    return _write(vocabulary, target, metadata, [*layer, *norms])


def write_recurrent_model_on(vocabulary: Path, target: Path, *, context: int = 512) -> Path:
    """Make a Mamba of one layer with random weights."""
    inner, states, rank = 2 * _WIDTH, 16, 2
    metadata = {
        "general.architecture": "mamba",
        "mamba.block_count": 1,
        "mamba.context_length": context,
        "mamba.embedding_length": _WIDTH,
        "mamba.feed_forward_length": 0,
        "mamba.attention.head_count": 0,
        "mamba.attention.layer_norm_rms_epsilon": 1e-5,
        "mamba.ssm.conv_kernel": 4,
        "mamba.ssm.inner_size": inner,
        "mamba.ssm.state_size": states,
        "mamba.ssm.time_step_rank": rank,
    }
    shapes = {
        "attn_norm.weight": (_WIDTH,),
        "ssm_in.weight": (_WIDTH, 2 * inner),
        "ssm_conv1d.weight": (4, inner),
        "ssm_conv1d.bias": (inner,),
        "ssm_x.weight": (inner, rank + 2 * states),
        "ssm_dt.weight": (rank, inner),
        "ssm_dt.bias": (inner,),
        _DECAY: (states, inner),
        "ssm_d": (inner,),
        "ssm_out.weight": (inner, _WIDTH),
    }
    layer = [Tensor(f"blk.0.{name}", shape) for name, shape in shapes.items()]
    return _write(vocabulary, target, metadata, layer)


def write_windowed_model_on(vocabulary: Path, target: Path, *, context: int = 512) -> Path:
    """Make a Gemma 2 of two layers with random weights; one has a window of 64 tokens."""
    metadata = {
        "general.architecture": "gemma2",
        "gemma2.block_count": 2,
        "gemma2.context_length": context,
        "gemma2.embedding_length": _WIDTH,
        "gemma2.feed_forward_length": _WIDTH,
        "gemma2.attention.head_count": 2,
        "gemma2.attention.key_length": 16,
        "gemma2.attention.value_length": 16,
        "gemma2.attention.layer_norm_rms_epsilon": 1e-5,
        "gemma2.attention.sliding_window": 64,
    }
    matrices = ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down")
    norms = ("attn_norm", "post_attention_norm", "ffn_norm", "post_ffw_norm")
    layers = [
        Tensor(f"blk.{block}.{name}.weight", shape)
        for block in range(2)
        for names, shape in ((matrices, (_WIDTH, _WIDTH)), (norms, (_WIDTH,)))
        for name in names
    ]
    return _write(vocabulary, target, metadata, layers, has_output=False)


def write_hybrid_model_on(
    vocabulary: Path, target: Path, *, context: int = 512, window: int = 0
) -> Path:
    """Make an LFM2 with random weights: a convolution layer and an attention layer."""
    metadata = {
        "general.architecture": "lfm2",
        "lfm2.block_count": 2,
        "lfm2.context_length": context,
        "lfm2.embedding_length": _WIDTH,
        "lfm2.feed_forward_length": _WIDTH,
        "lfm2.attention.head_count": 2,
        "lfm2.attention.head_count_kv": [0, 2],
        "lfm2.attention.layer_norm_rms_epsilon": 1e-5,
        "lfm2.shortconv.l_cache": 3,
        **({"lfm2.attention.sliding_window": window} if window else {}),
    }
    own: dict[str, tuple[int, ...]] = {
        "0.shortconv.conv": (3, _WIDTH),
        "0.shortconv.in_proj": (_WIDTH, 3 * _WIDTH),
        "0.shortconv.out_proj": (_WIDTH, _WIDTH),
        **{f"1.attn_{name}": (_WIDTH, _WIDTH) for name in ("q", "k", "v", "output")},
        **{f"1.attn_{name}_norm": (_WIDTH // 2,) for name in ("q", "k")},
    }
    both = {
        **{f"{block}.{name}_norm": (_WIDTH,) for block in range(2) for name in ("attn", "ffn")},
        **{
            f"{block}.ffn_{name}": (_WIDTH, _WIDTH)
            for block in range(2)
            for name in ("gate", "up", "down")
        },
    }
    layers = [Tensor(f"blk.{name}.weight", shape) for name, shape in (own | both).items()]
    return _write(vocabulary, target, metadata, layers, norm="token_embd_norm")


def _write(
    vocabulary: Path,
    target: Path,
    metadata: dict[str, object],
    layer: Sequence[Tensor],
    *,
    has_output: bool = True,
    norm: str = "output_norm",
) -> Path:
    header = read_header(vocabulary)
    entries = [entry for key, entry in read_entries(header).items() if key.startswith("tokenizer.")]
    words = (_WIDTH, header.arrays[_TOKENS].count)
    tensors = (
        Tensor("token_embd.weight", words),
        *([Tensor("output.weight", words)] if has_output else ()),
        Tensor(f"{norm}.weight", (_WIDTH,)),
        *layer,
    )
    file = GgufFile(metadata, tensors)
    head, first = file.header(), 24
    (pairs,) = struct.unpack_from("<Q", head, 16)
    content = head[:16] + struct.pack("<Q", pairs + len(entries)) + b"".join(entries) + head[first:]
    content += b"\0" * (-len(content) % file.alignment)
    chance = np.random.default_rng(0)
    with target.open("wb") as output:
        output.write(content)
        for tensor in tensors:
            values = chance.standard_normal(tensor.shape[::-1], np.float32) * np.float32(0.1)
            output.write((-abs(values) if tensor.name.endswith(_DECAY) else values).tobytes())
    return target
