"""Approximate the file size of every level from a checkpoint's headers.

llama.cpp chooses a tensor's type by its role and layer (`llama_tensor_get_type` in
src/llama-quant.cpp). The bits per weight in layers were measured on the plans of Llama-3.1-8B. The
embedding has the level's own type; the output, or an embedding that serves as output, has at least
Q6_K's 6.5625 bits.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from app.checkpoint.weight_files import TensorEntry
from app.core.events import LevelsApproximated

_BITS = {
    "Q2_K": (2.625, 2.943),
    "Q3_K_S": (3.4375, 3.439),
    "Q3_K_M": (3.4375, 3.845),
    "Q3_K_L": (3.4375, 4.192),
    "IQ4_XS": (4.25, 4.317),
    "IQ4_NL": (4.5, 4.554),
    "Q4_0": (4.5, 4.501),
    "Q4_1": (5.0, 5.001),
    "Q4_K_S": (4.5, 4.537),
    "Q4_K_M": (4.5, 4.799),
    "Q5_0": (5.5, 5.501),
    "Q5_1": (6.0, 6.001),
    "Q5_K_S": (5.5, 5.501),
    "Q5_K_M": (5.5, 5.654),
    "Q6_K": (6.5625, 6.564),
    "Q8_0": (8.5, 8.501),
    "F16": (16.0, 16.0),
    "BF16": (16.0, 16.0),
    "F32": (32.0, 32.0),
}
"""Bits per weight of each level: in the embedding, and in the layers."""
_MIN_OUTPUT_BITS = 6.5625
_FLOATS = frozenset({"F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2"})
_PACKED_SHARE = 0.01
_EMBEDDING = re.compile(r"(embed_tokens|word_embeddings|wte|embed_in)\.weight$")
_OUTPUT = re.compile(r"(lm_head|embed_out|output_layer)\.weight$")
_OTHER_SENSES = re.compile(r"(^|[._])(vision|visual|audio|multi_modal|mm)[._]")


def approximate_sizes(tensors: Mapping[str, TensorEntry]) -> LevelsApproximated | None:
    """Return the approximate size of the language model at each level, to within about 5%.

    None if several weights are packed into one number: headers don't have their count.
    """
    own = {name: entry for name, entry in tensors.items() if not _OTHER_SENSES.search(name)}
    packed_bytes = sum(entry.size_bytes for entry in own.values() if entry.dtype not in _FLOATS)
    if packed_bytes > _PACKED_SHARE * sum(entry.size_bytes for entry in own.values()):
        return None
    embedding, output = _weights(own, _EMBEDDING), _weights(own, _OUTPUT)
    parameters = sum(entry.parameters for entry in own.values())
    if not parameters:
        return None
    layers = parameters - embedding - output
    if not output:
        embedding, output = 0, embedding
    sizes = {}
    for level, (embedding_bits, layer_bits) in _BITS.items():
        output_bits = max(embedding_bits, _MIN_OUTPUT_BITS)
        bits = embedding * embedding_bits + output * output_bits + layers * layer_bits
        sizes[level] = round(bits / 8)
    return LevelsApproximated(parameters, sizes)


def _weights(tensors: Mapping[str, TensorEntry], names: re.Pattern[str]) -> int:
    return sum(entry.parameters for name, entry in tensors.items() if names.search(name))
