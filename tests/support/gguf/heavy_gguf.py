"""GGUF headers of a usual size, and ones that take as much memory or time as they can."""

from __future__ import annotations

from collections.abc import Iterator

from tests.support.gguf.gguf_files import (
    ARRAY,
    STRING,
    GgufFile,
    Tensor,
    Typed,
    llama_metadata,
)

_TOKENS = 128_000
_LAYERS = 32


def usual_header() -> bytes:
    """Return a small file with the header of a model of 8 billion parameters."""
    metadata = llama_metadata(llama__block_count=_LAYERS) | {
        "tokenizer.ggml.tokens": _strings(f"token{number}" for number in range(_TOKENS)),
        "tokenizer.ggml.merges": _strings(f"ab c{number}" for number in range(_TOKENS)),
    }
    for name in ("scores", "token_type"):
        metadata.pop(f"tokenizer.ggml.{name}", None)
    tensors = [
        Tensor(f"blk.{layer}.{name}.weight", (32, 1))
        for layer in range(_LAYERS)
        for name in ("attn_k", "attn_v", "attn_output", "ffn_up", "ffn_down", "ffn_gate")
    ]
    return GgufFile(metadata, tensors).to_bytes()


def heavy_files() -> Iterator[bytes]:
    """Yield files whose headers would take much memory or time if they were believed."""
    wide = "é🌾" + "x" * (2**20 - 6)
    texts = [(f"general.note{number}", wide) for number in range(60)]
    yield GgufFile([*llama_metadata().items(), *texts], [Tensor("output.weight")]).to_bytes()
    keys = [(f"{number}🌾" + "k" * 60_000, 1) for number in range(900)]
    yield GgufFile([*llama_metadata().items(), *keys], [Tensor("output.weight")]).to_bytes()
    tensors = [Tensor(f"t{number}", ()) for number in range(100_000)]
    yield GgufFile(llama_metadata(llama__block_count=0), tensors).to_bytes()
    empty = _strings("" for _ in range(1_000_000))
    arrays = [(f"general.array{number}", empty) for number in range(7)]
    metadata = llama_metadata(llama__block_count=0)
    yield GgufFile([*metadata.items(), *arrays], [Tensor("output.weight")]).to_bytes()
    short = Typed(ARRAY, [Typed(STRING, "🌾")] * 64)
    lists = [(f"l{number}", short) for number in range(9000)]
    yield GgufFile([*metadata.items(), *lists], [Tensor("output.weight")]).to_bytes()


def _strings(texts: Iterator[str]) -> Typed:
    return Typed(ARRAY, [Typed(STRING, text) for text in texts])
