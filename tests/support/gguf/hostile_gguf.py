"""A valid GGUF file with one or several mutations.

Each mutation depends only on its seed and number, so that an individual one can be reproduced.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Sequence
from dataclasses import replace

import gguf

from app.gguf_file.header_reader import TensorInfo
from app.gguf_file.tensor_types import TENSOR_TYPES
from tests.support.gguf.gguf_files import (
    ARRAY,
    BOOL,
    FLOAT32,
    INT32,
    STRING,
    UINT16,
    UINT32,
    UINT64,
    Typed,
    pair,
    string,
)
from tests.support.gguf.gguf_parts import Parts

_EDGES = (0, 1, 2, 3, 7, 255, 1023, 2**15, 2**16 - 1, 2**20, 2**31 - 1, 2**31, 2**32 - 2, 2**32 - 1)
_LARGE_EDGES = (*_EDGES, 2**33, 2**40, 2**62, 2**63 - 1, 2**63, 2**64 - 1)
_FLOATS = (0.0, -1.0, 1e-30, 1e30, float("inf"), float("nan"))
_ARCHITECTURES = tuple(gguf.MODEL_ARCH_NAMES.values())
_TEXTS = (
    *("", "llama", "gpt2", "bert", "t5", "rwkv", "plamo2", "none", "no_vocab", "hybriko"),
    *("default", "llama-bpe", "deepseek-v3", "gpt-4o", "tekken", "qwen2", "whitespace"),
    *("linear", "yarn", "longrope", "x" * 5000, "\0", "{{ messages }}", "{% for %}"),
)
_KEYS = tuple(
    sorted(
        value
        for group in vars(gguf.Keys).values()
        if isinstance(group, type)
        for name, value in vars(group).items()
        if isinstance(value, str) and not name.startswith("_")
    )
)
_NAMES = ("output", "blk.0.attn_q", "blk.0.attn_q.bias", "blk.1.attn_q", "blk.0.ffn_gate_inp")


def mutation(parts: Parts, seed: int, number: int) -> bytes:
    """Return the mutated file with this number; the kinds take turns."""
    return _KINDS[kind_of(number)](parts, random.Random(f"{seed} {number}"))


def kind_of(number: int) -> str:
    """Return the kind of the mutation with this number."""
    return list(_KINDS)[number % len(_KINDS)]


def _any_value(chance: random.Random) -> Typed:
    count = chance.choice((0, 1, 2, 4, 511, 513))
    return chance.choice(
        (
            Typed(STRING, chance.choice(_TEXTS)),
            Typed(FLOAT32, chance.choice(_FLOATS)),
            Typed(BOOL, chance.random() < 0.5),
            Typed(INT32, chance.choice((-1, -2, -(2**31), 0, 5))),
            Typed(UINT64, chance.choice(_LARGE_EDGES)),
            Typed(UINT16, chance.choice((0, 1, 2**16 - 1))),
            Typed(ARRAY, [Typed(UINT32, chance.choice(_EDGES)) for _ in range(count)]),
            Typed(UINT32, chance.choice(_EDGES)),
            Typed(UINT32, chance.randrange(64)),
        )
    )


def _with_entry(parts: Parts, key: str, value: Typed) -> bytes:
    return replace(parts, entries=parts.entries | {key: pair(key, value)}).to_bytes()


def _header_bytes(change: Callable[[bytearray, int, random.Random], None]) -> _Kind:
    def mutate(parts: Parts, chance: random.Random) -> bytes:
        header = bytearray(parts.header())
        for _ in range(chance.randint(1, 3)):
            change(header, chance.randrange(len(header)), chance)
        return bytes(header) + parts.data

    return mutate


def _flip(raw: bytearray, at: int, chance: random.Random) -> None:
    raw[at] ^= 1 << chance.randrange(8)


def _set(raw: bytearray, at: int, chance: random.Random) -> None:
    raw[at] = chance.choice((0, 1, 0x7F, 0x80, 0xFF))


def _number(raw: bytearray, at: int, chance: random.Random) -> None:
    raw[at : at + 8] = struct.pack("<Q", chance.choice((*_LARGE_EDGES, chance.getrandbits(64))))


def _repeat(raw: bytearray, at: int, chance: random.Random) -> None:
    raw[at:at] = raw[at : at + chance.randint(1, 64)]


def _leave_out(raw: bytearray, at: int, chance: random.Random) -> None:
    del raw[at : at + chance.randint(1, 64)]


def _cut(parts: Parts, chance: random.Random) -> bytes:
    content = parts.to_bytes()
    end = len(parts.header()) if chance.random() < 0.5 else len(content)
    return content[: chance.randrange(end)]


def _counts(parts: Parts, chance: random.Random) -> bytes:
    counts = [len(parts.tensors), len(parts.entries)]
    which = chance.randrange(2)
    counts[which] = chance.choice((counts[which] - 1, counts[which] + 1, *_LARGE_EDGES))
    return parts.header((counts[0], counts[1])) + parts.data


def _value(parts: Parts, chance: random.Random) -> bytes:
    return _with_entry(parts, chance.choice(list(parts.entries)), _any_value(chance))


def _value_type(parts: Parts, chance: random.Random) -> bytes:
    key = chance.choice(list(parts.entries))
    raw = bytearray(parts.entries[key])
    struct.pack_into("<I", raw, 8 + len(key.encode()), chance.randrange(14))
    return replace(parts, entries=parts.entries | {key: bytes(raw)}).to_bytes()


def _missing_entry(parts: Parts, chance: random.Random) -> bytes:
    entries = dict(parts.entries)
    del entries[chance.choice(list(entries))]
    return replace(parts, entries=entries).to_bytes()


def _added_entry(parts: Parts, chance: random.Random) -> bytes:
    key = chance.choice(_KEYS).replace("{arch}", "llama")
    return _with_entry(parts, key, _any_value(chance))


def _array(parts: Parts, chance: random.Random) -> bytes:
    names = ("tokens", "scores", "token_type", "merges")
    keys = [f"tokenizer.ggml.{name}" for name in names]
    key = chance.choice([key for key in keys if key in parts.entries])
    raw = bytearray(parts.entries[key])
    for _ in range(chance.randint(1, 4)):
        (_flip, _set)[chance.randrange(2)](raw, chance.randrange(24 + len(key), len(raw)), chance)
    return replace(parts, entries=parts.entries | {key: bytes(raw)}).to_bytes()


def _architecture(parts: Parts, chance: random.Random) -> bytes:
    name = chance.choice(_ARCHITECTURES)
    entries = {"general.architecture": pair("general.architecture", Typed(STRING, name))}
    for key, raw in parts.entries.items():
        if key.startswith("llama."):
            renamed = name + key.removeprefix("llama")
            entries[renamed] = string(renamed) + raw[8 + len(key) :]
        elif key not in entries:
            entries[key] = raw
    return replace(parts, entries=entries).to_bytes()


def _tensor(change: Callable[[TensorInfo, random.Random], TensorInfo]) -> _Kind:
    def mutate(parts: Parts, chance: random.Random) -> bytes:
        tensors = list(parts.tensors)
        at = chance.randrange(len(tensors))
        tensors[at] = change(tensors[at], chance)
        changed = replace(parts, tensors=tuple(tensors))
        return (changed.laid_out() if chance.random() < 0.7 else changed).to_bytes()

    return mutate


def _renamed(tensor: TensorInfo, chance: random.Random) -> TensorInfo:
    name = chance.choice((*_NAMES, "", "x" * 63, "x" * 64, tensor.name.removesuffix(".weight")))
    return tensor._replace(name=name + chance.choice(("", ".weight")))


def _reshaped(tensor: TensorInfo, chance: random.Random) -> TensorInfo:
    shape = list(tensor.shape)
    match chance.randrange(4):
        case 0:
            shape[chance.randrange(len(shape))] = chance.choice(_LARGE_EDGES)
        case 1:
            shape[chance.randrange(len(shape))] = chance.choice((0, 32, 256, 512, 1024))
        case 2:
            shape = shape[::-1]
        case _:
            shape = [*shape, chance.choice((0, 1, 2, 2**32))] * chance.randint(1, 2)
    return tensor._replace(shape=tuple(shape))


def _retyped(tensor: TensorInfo, chance: random.Random) -> TensorInfo:
    return tensor._replace(type_number=chance.choice((*TENSOR_TYPES, 4, 5, 43, 2**31)))


def _moved(parts: Parts, chance: random.Random) -> bytes:
    tensors = list(parts.tensors)
    at = chance.randrange(len(tensors))
    offset = chance.choice((*_LARGE_EDGES, tensors[at].offset + 32, len(parts.data)))
    tensors[at] = tensors[at]._replace(offset=offset)
    return replace(parts, tensors=tuple(tensors)).to_bytes()


def _missing_tensor(parts: Parts, chance: random.Random) -> bytes:
    at = chance.randrange(len(parts.tensors))
    tensors = parts.tensors[:at] + parts.tensors[at + 1 :]
    return replace(parts, tensors=tensors).laid_out().to_bytes()


def _data_bits(parts: Parts, chance: random.Random) -> bytes:
    data = bytearray(parts.data)
    for _ in range(chance.choice((1, 10, 1000))):
        _flip(data, chance.randrange(len(data)), chance)
    return parts.header() + bytes(data)


def _data_run(parts: Parts, chance: random.Random) -> bytes:
    data = bytearray(parts.data)
    at, length = chance.randrange(len(data)), chance.choice((1, 16, 4096, 10**6))
    fill: Sequence[bytes] = (b"\0", b"\xff", b"\x7f", b"\x80", chance.randbytes(1))
    data[at : at + length] = chance.choice(fill) * len(data[at : at + length])
    return parts.header() + bytes(data)


_Kind = Callable[[Parts, random.Random], bytes]
_KINDS: dict[str, _Kind] = {
    "header: bits flipped": _header_bytes(_flip),
    "header: bytes set": _header_bytes(_set),
    "header: numbers written over": _header_bytes(_number),
    "header: bytes repeated": _header_bytes(_repeat),
    "header: bytes left out": _header_bytes(_leave_out),
    "file cut off": _cut,
    "counts": _counts,
    "metadata: value": _value,
    "metadata: type alone": _value_type,
    "metadata: entry missing": _missing_entry,
    "metadata: entry added": _added_entry,
    "vocabulary": _array,
    "architecture": _architecture,
    "tensor: name": _tensor(_renamed),
    "tensor: dimensions": _tensor(_reshaped),
    "tensor: type": _tensor(_retyped),
    "tensor: offset": _moved,
    "tensor missing": _missing_tensor,
    "data: bits flipped": _data_bits,
    "data: a run written over": _data_run,
}
KINDS = len(_KINDS)
