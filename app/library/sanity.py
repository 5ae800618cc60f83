"""What llama.cpp takes for granted in a header and aborts or goes astray without."""

from __future__ import annotations

import math
from collections.abc import Callable

from app.core.errors import AppError, ErrorCode
from app.library.header import STRING, UINT16, Header, read_strings

_MOST_LAYERS = 512
_MOST_EXPERTS = 1024
_LARGEST_WIDTH = 2**20
_NO_TOKEN = 2**32 - 1
_TOKENS = "tokenizer.ggml.tokens"
_SPECIAL_TOKENS = ("bos", "eos", "eot", "unknown")


def check_sanity(header: Header) -> str | None:
    """The first rule that the header breaks, in words; None when it breaks none."""
    for rule in _RULES:
        broken = rule(header)
        if broken:
            return broken
    return None


def find_repeated_token(header: Header) -> str | None:
    """A token whose text is in the vocabulary twice, which llama.cpp aborts on; reads them all."""
    place = header.arrays.get(_TOKENS)
    if place is None or place.element_type != STRING:
        return None
    seen: set[bytes] = set()
    for token in read_strings(header, _TOKENS):
        if token in seen:
            return token.decode("utf-8", "replace")
        seen.add(token)
    return None


def require_sane(header: Header) -> None:
    """Check everything that can be checked before llama.cpp opens the file.

    Raises:
        AppError: `gguf_damaged` with the rule that is broken.
    """
    reason = check_sanity(header)
    if reason is None:
        token = find_repeated_token(header)
        reason = None if token is None else f"the token “{token}” is in its vocabulary twice"
    if reason is not None:
        raise AppError(ErrorCode.GGUF_DAMAGED, file=header.path.name, reason=reason)


def _architecture(header: Header) -> str | None:
    return None if header.architecture else "it names no architecture"


def _tensors(header: Header) -> str | None:
    # The first of several shards may hold the metadata alone.
    if header.tensors or "split.count" in header.metadata:
        return None
    return "it holds no weights"


def _layers(header: Header) -> str | None:
    layers = header.number("block_count")
    if 1 <= layers <= _MOST_LAYERS:
        return None
    return f"it claims to have {layers} layers"


def _width(header: Header) -> str | None:
    width = header.number("embedding_length")
    if 1 <= width <= _LARGEST_WIDTH:
        return None
    return f"it claims to be {width} values wide"


def _heads(header: Header) -> str | None:
    # Models without attention have no heads; models that mix both count them layer by layer.
    if not any(".attn_q" in tensor.name for tensor in header.tensors):
        return None
    heads = _counts(header, "attention.head_count")
    key_heads = _counts(header, "attention.head_count_kv") or heads
    if not heads or max(heads) < 1 or min(*heads, *key_heads) < 0:
        return "it claims to have no attention heads"
    if len(heads) == len(key_heads) == 1 and (key_heads[0] < 1 or heads[0] % key_heads[0]):
        return f"its {heads[0]} attention heads can't share {key_heads[0]} key heads"
    return None


def _experts(header: Header) -> str | None:
    experts = max(_counts(header, "expert_count"), default=0)
    used = max(_counts(header, "expert_used_count"), default=0)
    if not 0 <= experts <= _MOST_EXPERTS:
        return f"it claims to have {experts} experts"
    if not 0 <= used <= experts or (experts and not used):
        return f"it claims to use {used} of {experts} experts"
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
            return f"its {name} token {number} is not among its {place.count} tokens"
    return None


def _epsilon(header: Header) -> str | None:
    for key in ("attention.layer_norm_rms_epsilon", "attention.layer_norm_epsilon"):
        value = header.metadata.get(f"{header.architecture}.{key}", 0.0)
        if not isinstance(value, int | float) or not 0 <= value < math.inf:
            return f"its norm epsilon is {value}"
    return None


def _vocabulary(header: Header) -> str | None:
    tokens = header.arrays.get(_TOKENS)
    for name in ("scores", "token_type"):
        of_tokens = header.arrays.get(f"tokenizer.ggml.{name}")
        if tokens and of_tokens and of_tokens.count != tokens.count:
            return f"it has {tokens.count} tokens but {of_tokens.count} entries in “{name}”"
    return None


def _split(header: Header) -> str | None:
    for key in ("split.no", "split.count"):
        if header.value_types.get(key, UINT16) != UINT16:
            return f"its “{key}” has the wrong type"
    return None


def _counts(header: Header, key: str) -> tuple[int, ...]:
    value = header.metadata.get(f"{header.architecture}.{key}", ())
    values = value if isinstance(value, tuple) else (value,)
    return tuple(number for number in values if isinstance(number, int))


_RULES: tuple[Callable[[Header], str | None], ...] = (
    _architecture,
    _tensors,
    _layers,
    _width,
    _heads,
    _experts,
    _epsilon,
    _vocabulary,
    _special_tokens,
    _split,
)
