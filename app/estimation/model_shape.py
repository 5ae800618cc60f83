"""Read the shape of a model from its GGUF header."""

from __future__ import annotations

from dataclasses import dataclass

from app.gguf_file.header_reader import Header, read_array


@dataclass(frozen=True)
class ModelShape:
    """The dimensions of a model; 0 for those that its header doesn't have.

    `kv_heads` has a number for each layer. `window` is the number of tokens that layers with a
    sliding window see, `state_width` the inner width of recurrent layers, `state_size` the length
    of their state per element of that width.
    """

    architecture: str
    layers: int
    width: int
    heads: int
    kv_heads: tuple[int, ...]
    key_length: int
    value_length: int
    window: int
    state_width: int
    state_size: int
    experts: int
    experts_used: int
    vocabulary: int
    trained_context: int


def shape_of(header: Header) -> ModelShape:
    """Return the shape in the header of a model's first file.

    Raises:
        AppError: what `app.gguf_file.header_reader.read_array` raises.
    """
    layers = header.number("block_count")
    heads = _by_layer(header, "attention.head_count", layers)
    most_heads = max(heads, default=0)
    width = header.number("embedding_length")
    # llama.cpp's fallback (load_hparams in src/llama-model.cpp).
    head_length = width // most_heads if most_heads else 0
    tokens = header.arrays.get("tokenizer.ggml.tokens")
    return ModelShape(
        architecture=header.architecture,
        layers=layers,
        width=width,
        heads=most_heads,
        kv_heads=_by_layer(header, "attention.head_count_kv", layers) or heads,
        key_length=header.number("attention.key_length") or head_length,
        value_length=header.number("attention.value_length") or head_length,
        window=header.number("attention.sliding_window"),
        state_width=header.number("ssm.inner_size"),
        state_size=header.number("ssm.state_size"),
        experts=header.number("expert_count"),
        experts_used=header.number("expert_used_count"),
        vocabulary=tokens.count if tokens else header.number("vocab_size"),
        trained_context=header.number("context_length"),
    )


def _by_layer(header: Header, key: str, layers: int) -> tuple[int, ...]:
    full_key = f"{header.architecture}.{key}"
    if full_key in header.arrays:
        return tuple(int(value) for value in read_array(header, full_key))
    number = header.number(key)
    return (number,) * layers if number else ()
