"""The tiny model for the probe: random weights, one layer, every common block format."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np

from app.native.quantization import quantize_rows, type_numbers

_WIDTH, _FEED_FORWARD, _HEADS, _CONTEXT = 512, 1024, 8, 256
_CONTROL_TOKEN, _BYTE_TOKEN, _UNKNOWN_TOKEN = 3, 6, 2


def write_probe_model(path: Path) -> None:
    """Write a Llama of one layer, some 3 MB, whose matrices cover the formats in wide use."""
    writer = gguf.GGUFWriter(path, "llama")
    _add_metadata(writer)
    random = np.random.default_rng(0)
    vocabulary = _add_vocabulary(writer)
    for name, shape, type_name in (
        ("token_embd", (vocabulary, _WIDTH), "q8_0"),
        ("output", (vocabulary, _WIDTH), "q6_K"),
        ("blk.0.attn_q", (_WIDTH, _WIDTH), "q4_0"),
        ("blk.0.attn_k", (_WIDTH, _WIDTH), "q4_1"),
        ("blk.0.attn_v", (_WIDTH, _WIDTH), "q5_K"),
        ("blk.0.attn_output", (_WIDTH, _WIDTH), "q8_0"),
        ("blk.0.ffn_gate", (_FEED_FORWARD, _WIDTH), "q4_K"),
        ("blk.0.ffn_up", (_FEED_FORWARD, _WIDTH), "iq4_xs"),
        ("blk.0.ffn_down", (_WIDTH, _FEED_FORWARD), "q6_K"),
    ):
        _add_matrix(writer, random, f"{name}.weight", shape, type_name)
    for name in ("output_norm", "blk.0.attn_norm", "blk.0.ffn_norm"):
        writer.add_tensor(f"{name}.weight", np.ones(_WIDTH, dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_metadata(writer: gguf.GGUFWriter) -> None:
    writer.add_name("Gristmill probe")
    writer.add_block_count(1)
    writer.add_context_length(_CONTEXT)
    writer.add_embedding_length(_WIDTH)
    writer.add_feed_forward_length(_FEED_FORWARD)
    writer.add_head_count(_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)


def _add_vocabulary(writer: gguf.GGUFWriter) -> int:
    control = [("<unk>", _UNKNOWN_TOKEN), ("<s>", _CONTROL_TOKEN), ("</s>", _CONTROL_TOKEN)]
    tokens = control + [(f"<0x{byte:02X}>", _BYTE_TOKEN) for byte in range(256)]
    writer.add_tokenizer_model("llama")
    writer.add_token_list([text for text, _ in tokens])
    writer.add_token_scores([0.0] * len(tokens))
    writer.add_token_types([kind for _, kind in tokens])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    return len(tokens)


def _add_matrix(
    writer: gguf.GGUFWriter,
    random: np.random.Generator,
    name: str,
    shape: tuple[int, int],
    type_name: str,
) -> None:
    number = type_numbers()[type_name]
    rows = random.standard_normal(shape, dtype=np.float32) * np.float32(0.05)
    writer.add_tensor(
        name, quantize_rows(number, rows), raw_dtype=gguf.GGMLQuantizationType(number)
    )
