"""Write tiny models with random weights, for the probe and for benchmarks of a step's cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import gguf
import numpy as np

from app.gguf_file.tensor_types import TYPE_NUMBERS
from app.native.quantization import quantize_rows

_CONTROL_TOKEN, _BYTE_TOKEN, _UNKNOWN_TOKEN = 3, 6, 2
_OTHER_TYPE = "q8_0"


@dataclass(frozen=True)
class TinyModel:
    """A Llama of a given size; `types` are matrix types by name, q8_0 by default.

    Widths are multiples of the types' block sizes.
    """

    width: int
    feed_forward: int
    heads: int
    layers: int
    context: int
    types: Mapping[str, str] = field(default_factory=dict)

    def matrices(self, vocabulary: int) -> dict[str, tuple[int, int]]:
        """Return the shapes (rows, row length) by name."""
        square, inner = (self.width, self.width), (self.feed_forward, self.width)
        shapes = dict.fromkeys(("token_embd", "output"), (vocabulary, self.width))
        for layer in range(self.layers):
            shapes |= {
                f"blk.{layer}.attn_q": square,
                f"blk.{layer}.attn_k": square,
                f"blk.{layer}.attn_v": square,
                f"blk.{layer}.attn_output": square,
                f"blk.{layer}.ffn_gate": inner,
                f"blk.{layer}.ffn_up": inner,
                f"blk.{layer}.ffn_down": (self.width, self.feed_forward),
            }
        return shapes


_PROBE = TinyModel(
    width=512,
    feed_forward=1024,
    heads=8,
    layers=1,
    context=256,
    types={
        "output": "q6_K",
        "blk.0.attn_q": "q4_0",
        "blk.0.attn_k": "q4_1",
        "blk.0.attn_v": "q5_K",
        "blk.0.ffn_gate": "q4_K",
        "blk.0.ffn_up": "iq4_xs",
        "blk.0.ffn_down": "q6_K",
    },
)


def write_probe_model(path: Path) -> None:
    """Write a Llama of one layer, about 3 MB, whose matrices cover the common types."""
    write_tiny_model(path, _PROBE)


def write_tiny_model(path: Path, model: TinyModel) -> None:
    """Write a model that loads and generates; the same arguments yield the same weights."""
    writer = gguf.GGUFWriter(path, "llama")
    _add_metadata(writer, model)
    random = np.random.default_rng(0)
    for name, shape in model.matrices(_add_vocabulary(writer)).items():
        type_name = model.types.get(name, _OTHER_TYPE)
        _add_matrix(writer, random, f"{name}.weight", shape, type_name)
    norms = [f"blk.{layer}.{of}_norm" for layer in range(model.layers) for of in ("attn", "ffn")]
    for name in ("output_norm", *norms):
        writer.add_tensor(f"{name}.weight", np.ones(model.width, dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_metadata(writer: gguf.GGUFWriter, model: TinyModel) -> None:
    writer.add_name("Gristmill probe")
    writer.add_block_count(model.layers)
    writer.add_context_length(model.context)
    writer.add_embedding_length(model.width)
    writer.add_feed_forward_length(model.feed_forward)
    writer.add_head_count(model.heads)
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
    number = TYPE_NUMBERS[type_name]
    rows = random.standard_normal(shape, dtype=np.float32) * np.float32(0.05)
    writer.add_tensor(
        name, quantize_rows(number, rows), raw_dtype=gguf.GGMLQuantizationType(number)
    )
