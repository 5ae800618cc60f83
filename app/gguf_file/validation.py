"""Check what llama.cpp takes for granted in a header: otherwise it aborts or misbehaves."""

from __future__ import annotations

import math
from collections.abc import Callable

from app.core.errors import AppError, ErrorCode
from app.core.language import tr
from app.gguf_file.header_reader import STRING, UINT16, Header, read_strings
from app.gguf_file.tensor_types import TENSOR_TYPES

Rule = Callable[[Header], str | None]
_MAX_LAYERS = 512
_MAX_EXPERTS = 1024
_LARGEST_WIDTH = 2**20
_NO_TOKEN = 2**32 - 1
_BYTES = 256
# TENSOR_ALIGNMENT in ggml-impl.h: ggml aborts when it is to use a mapped tensor in between.
_TENSOR_ALIGNMENT = 32
_TOKENS = "tokenizer.ggml.tokens"
_SENTENCEPIECE = "llama"
_TABLE_OF_NUMBERS = "ffn_gate_tid2eid"
_SPECIAL_TOKENS = ("bos", "eos", "eot", "unknown")


def check_sanity(header: Header) -> str | None:
    """Return a description of the first rule that the header breaks, or None."""
    return _first_broken(_RULES, header)


def check_tokens(header: Header) -> str | None:
    """Return what is wrong with the texts of the tokens, or None; reads them all.

    llama.cpp (`llama-vocab.cpp`) aborts on a text that occurs twice, and when a text needs the
    token of a byte that SentencePiece's vocabulary has not.
    """
    place = header.arrays.get(_TOKENS)
    if place is None or place.element_type != STRING:
        return None
    seen: set[bytes] = set()
    for raw in read_strings(header, _TOKENS):
        token = raw.partition(b"\0")[0]
        if token in seen:
            return tr(
                "the token “{token}” is in its vocabulary twice",
                token=token.decode("utf-8", "replace"),
            )
        # llama.cpp makes up names for empty texts.
        if token:
            seen.add(token)
    if header.metadata.get("tokenizer.ggml.model") == _SENTENCEPIECE:
        return _check_bytes(seen)
    return None


def find_fault(header: Header) -> str | None:
    """Return the first fault of a model's only file or first shard, or None."""
    return check_sanity(header) or check_tokens(header)


def require_sane(first: Header, *others: Header) -> None:
    """Check everything that can be checked before llama.cpp opens a model's files.

    Raises:
        AppError: `gguf_damaged` with the rule that is broken.
    """
    _refuse(first, find_fault(first))
    for header in others:
        _refuse(header, _first_broken(_SHARD_RULES, header))


def _first_broken(rules: tuple[Rule, ...], header: Header) -> str | None:
    return next(filter(None, (rule(header) for rule in rules)), None)


def _refuse(header: Header, fault: str | None) -> None:
    if fault is not None:
        raise AppError(ErrorCode.GGUF_DAMAGED, file=header.path.name, reason=fault)


def _check_bytes(tokens: set[bytes]) -> str | None:
    missing = [byte for byte in range(_BYTES) if b"<0x%02X>" % byte not in tokens]
    # Without any it is another kind of vocabulary, which does without.
    if len(missing) < _BYTES:
        for byte in missing:
            if bytes((byte,)) not in tokens:
                return tr("its vocabulary has no token for the byte {byte}", byte=f"{byte:#04x}")
    return None


def _architecture(header: Header) -> str | None:
    return None if header.architecture else tr("it names no architecture")


def _tensors(header: Header) -> str | None:
    # The first of several shards may hold only the metadata.
    if header.tensors or "split.count" in header.metadata:
        return None
    return tr("it holds no weights")


def _layers(header: Header) -> str | None:
    layers = header.number("block_count")
    if not 1 <= layers <= _MAX_LAYERS:
        return tr("it claims to have {layers} layers", layers=layers)
    ahead = header.number("nextn_predict_layers")
    if not 0 <= ahead <= layers:
        return tr(
            "it claims that {ahead} of its {layers} layers look ahead", ahead=ahead, layers=layers
        )
    return None


def _width(header: Header) -> str | None:
    width = header.number("embedding_length")
    if 1 <= width <= _LARGEST_WIDTH:
        return None
    return tr("it claims to be {width} values wide", width=width)


def _heads(header: Header) -> str | None:
    # Models without attention have no heads; models that mix both count them layer by layer.
    if not any(".attn_q" in tensor.name for tensor in header.tensors):
        return None
    heads = _counts(header, "attention.head_count")
    key_heads = _counts(header, "attention.head_count_kv") or heads
    if not heads or max(heads) < 1 or min(*heads, *key_heads) < 0:
        return tr("it claims to have no attention heads")
    if len(heads) == len(key_heads) == 1 and (key_heads[0] < 1 or heads[0] % key_heads[0]):
        return tr(
            "its {heads} attention heads can't share {key_heads} key heads",
            heads=heads[0],
            key_heads=key_heads[0],
        )
    return None


def _experts(header: Header) -> str | None:
    experts = max(_counts(header, "expert_count"), default=0)
    used = max(_counts(header, "expert_used_count"), default=0)
    if not 0 <= experts <= _MAX_EXPERTS:
        return tr("it claims to have {experts} experts", experts=experts)
    if not 0 <= used <= experts or (experts and not used):
        return tr("it claims to use {used} of {experts} experts", used=used, experts=experts)
    return None


def _special_tokens(header: Header) -> str | None:
    place = header.arrays.get(_TOKENS)
    if place is None:
        return None
    for name in _SPECIAL_TOKENS:
        number = header.metadata.get(f"tokenizer.ggml.{name}_token_id", _NO_TOKEN)
        if number in (_NO_TOKEN, -1):
            continue
        if not isinstance(number, int) or not 0 <= number < place.count:
            return tr(
                "its {name} token {number} is not among its {tokens} tokens",
                name=name,
                number=number,
                tokens=place.count,
            )
    return None


def _epsilon(header: Header) -> str | None:
    for key in ("attention.layer_norm_rms_epsilon", "attention.layer_norm_epsilon"):
        value = header.metadata.get(f"{header.architecture}.{key}", 0.0)
        if not isinstance(value, int | float) or not 0 <= value < math.inf:
            return tr("its norm epsilon is {value}", value=value)
    return None


def _vocabulary(header: Header) -> str | None:
    tokens = header.arrays.get(_TOKENS)
    for name in ("scores", "token_type"):
        of_tokens = header.arrays.get(f"tokenizer.ggml.{name}")
        if tokens and of_tokens and of_tokens.count != tokens.count:
            return tr(
                "it has {tokens} tokens but {entries} entries in “{name}”",
                tokens=tokens.count,
                entries=of_tokens.count,
                name=name,
            )
    return None


def _split(header: Header) -> str | None:
    for key in ("split.no", "split.count"):
        if header.value_types.get(key, UINT16) != UINT16:
            return tr("its “{key}” has the wrong type", key=key)
    return None


def _types(header: Header) -> str | None:
    for tensor in header.tensors:
        kind = TENSOR_TYPES[tensor.type_number]
        if "norm" in tensor.name or tensor.name.endswith(".bias"):
            is_usable = kind.is_float
        elif tensor.name.endswith(".weight") and _TABLE_OF_NUMBERS not in tensor.name:
            is_usable = kind.holds_weights
        else:
            is_usable = True
        if not is_usable:
            return tr(
                "the tensor {tensor} can't be of the type {type}",
                tensor=tensor.name,
                type=tensor.type_name,
            )
    return None


def _placement(header: Header) -> str | None:
    starts = (header.data_offset + tensor.offset for tensor in header.tensors)
    if any(start % _TENSOR_ALIGNMENT for start in starts):
        return tr(
            "its tensors are aligned to {alignment} bytes instead of 32", alignment=header.alignment
        )
    return None


def _counts(header: Header, key: str) -> tuple[int, ...]:
    value = header.metadata.get(f"{header.architecture}.{key}", ())
    values = value if isinstance(value, tuple) else (value,)
    return tuple(number for number in values if isinstance(number, int))


_SHARD_RULES: tuple[Rule, ...] = (_split, _types, _placement)
_RULES: tuple[Rule, ...] = (
    _architecture,
    _tensors,
    _layers,
    _width,
    _heads,
    _experts,
    _epsilon,
    _vocabulary,
    _special_tokens,
    *_SHARD_RULES,
)
