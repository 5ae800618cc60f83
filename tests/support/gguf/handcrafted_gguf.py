"""The handcrafted files of llama.cpp's tests/test-gguf.cpp, rebuilt, on their own and in a model.

Each case has variants in which another type of value or tensor comes first and meets the fault.
"""

from __future__ import annotations

import itertools
import random
import struct
from collections.abc import Iterator

from app.gguf_file.tensor_types import TENSOR_TYPES
from tests.support.gguf.gguf_files import (
    ARRAY,
    STRING,
    UINT32,
    Tensor,
    Typed,
    pair,
    string,
    tensor_entry,
)
from tests.support.gguf.gguf_parts import Parts

CASES = {
    stage: tuple(faults.split())
    for stage, faults in {
        "HEADER": "BAD_MAGIC BAD_VERSION_0 BAD_VERSION_1 BAD_VERSION_FUTURE BAD_N_TENSORS BAD_N_KV "
        "EMPTY",
        "KV": "BAD_KEY_SIZE EMPTY_KEY BAD_TYPE DUPLICATE_KEY BAD_ALIGN WRONG_TYPE_ALIGN SUCCESS",
        "TENSORS": "BAD_NAME_SIZE BAD_N_DIMS BAD_SHAPE ZERO_DIM NE_TOO_BIG NBYTES_TOO_BIG "
        "NBYTES_PAD_WRAP BAD_TYPE BAD_OFFSET DUPLICATE_NAME BAD_ALIGN INCONSISTENT_ALIGN SUCCESS "
        "CUSTOM_ALIGN",
        "DATA": "NOT_ENOUGH_DATA BAD_ALIGN INCONSISTENT_ALIGN MEM_SIZE_OVERFLOW SUCCESS "
        "CUSTOM_ALIGN",
    }.items()
}
GOOD = frozenset({"EMPTY", "SUCCESS", "CUSTOM_ALIGN", "ZERO_DIM"})
"""Cases that llama.cpp's own reader accepts; it must refuse all others."""

_SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
_KINDS = [(kind, None) for kind in (*_SIZES, STRING)] + [
    (ARRAY, kind) for kind in (*_SIZES, STRING)
]
_UNKNOWN_KIND, _UNKNOWN_TENSOR_TYPE = 13, 43
_I8, _I64 = 24, 27
_MINUS_ONE = 2**64 - 1
_VERSIONS = {"BAD_VERSION_0": 0, "BAD_VERSION_1": 1, "BAD_VERSION_FUTURE": 4}
_LONG_NAME = "_with_a_very_long_name_which_is_longer_than_what_is_allowed_for_ggml_tensors"


def names() -> list[tuple[str, str]]:
    """Return every case, as the part of the file and its fault."""
    return [(stage, fault) for stage, faults in CASES.items() for fault in faults]


def variants(stage: str, fault: str) -> int:
    """Return the number of variants of a case."""
    if stage == "HEADER":
        return 1
    return len(_KINDS if stage == "KV" else TENSOR_TYPES)


def handcrafted(stage: str, fault: str, variant: int, model: Parts | None = None) -> bytes:
    """Return a variant of a case; the fault comes after the contents of the model, if any."""
    chance = random.Random(variant)
    alignment = {"CUSTOM_ALIGN": 1, "BAD_ALIGN": 13, "INCONSISTENT_ALIGN": 1}.get(fault, 32)
    entries = list(model.entries.values()) if model else []
    if stage != "HEADER":
        entries += _entries(fault if stage == "KV" else "", variant, chance)
    if fault in ("BAD_ALIGN", "CUSTOM_ALIGN", "WRONG_TYPE_ALIGN"):
        entries.append(_alignment(fault, variant, alignment))
    tensors, data = _tensors(stage, fault, variant, alignment, model)
    counts = [len(tensors), len(entries)]
    for place, name in enumerate(("BAD_N_TENSORS", "BAD_N_KV")):
        if fault == name:
            counts[place] = _MINUS_ONE
    magic = b"FUGG" if fault == "BAD_MAGIC" else b"GGUF"
    head = magic + struct.pack("<IQQ", _VERSIONS.get(fault, 3), *counts)
    header = b"".join([head, *entries, *tensors])
    return header + b"\0" * (-len(header) % alignment) + data


def _alignment(fault: str, variant: int, alignment: int) -> bytes:
    if fault != "WRONG_TYPE_ALIGN":
        return pair("general.alignment", Typed(UINT32, alignment))
    wrong = [kind for kind in _KINDS if kind != (UINT32, None)]
    kind, element = wrong[variant % len(wrong)]
    return _entry("general.alignment", kind, element, random.Random(variant))


def _entries(fault: str, variant: int, chance: random.Random) -> Iterator[bytes]:
    rotated = _KINDS[variant % len(_KINDS) :] + _KINDS[: variant % len(_KINDS)]
    for index, (kind, element) in enumerate(rotated):
        key = "" if fault == "EMPTY_KEY" else f"my_key_{index // 2 if 'DUP' in fault else index}"
        if fault == "BAD_TYPE":
            is_array = kind == ARRAY
            types = (ARRAY, _UNKNOWN_KIND) if is_array else (_UNKNOWN_KIND,)
            yield string(key) + struct.pack(f"<{len(types)}I", *types) + b"\x01"
        elif fault == "BAD_KEY_SIZE":
            yield b"\xff" * 8 + _entry(key, kind, element, chance)[8:]
        else:
            yield _entry(key, kind, element, chance)


def _entry(key: str, kind: int, element: int | None, chance: random.Random) -> bytes:
    head = string(key) + struct.pack("<I", kind)
    if kind == STRING:
        return head + string(_letters(chance, 64))
    if element is None:
        return head + chance.randbytes(_SIZES[kind])
    if element == STRING:
        texts = [string(_letters(chance, 5)) for _ in range(chance.randrange(17))]
        return head + struct.pack("<IQ", STRING, len(texts)) + b"".join(texts)
    count = chance.randrange(64) // _SIZES[element]
    return head + struct.pack("<IQ", element, count) + chance.randbytes(count * _SIZES[element])


def _letters(chance: random.Random, max_bytes: int) -> bytes:
    return bytes(1 | byte for byte in chance.randbytes(chance.randrange(max_bytes)))


def _tensors(
    stage: str, fault: str, variant: int, alignment: int, model: Parts | None
) -> tuple[list[bytes], bytes]:
    """Return the entries of tensors, and their data."""
    entries: list[bytes] = []
    data = b""
    for tensor in model.tensors if model else ():
        assert model
        own = Tensor(tensor.name, tensor.shape, tensor.type_number)
        entries.append(tensor_entry(own, len(data)))
        data += model.data[tensor.offset : tensor.offset + tensor.size_bytes]
        data += b"\0" * (-len(data) % alignment)
    if stage in ("TENSORS", "DATA"):
        added, size = _added_tensors(fault, variant, alignment, len(data))
        entries += added
        # A file without data would be refused just for that.
        if stage == "DATA" or fault in GOOD:
            data += bytes(itertools.islice(itertools.cycle(range(256)), size))
    return entries, data


def _added_tensors(
    fault: str, variant: int, alignment: int, offset: int
) -> tuple[list[bytes], int]:
    """Return the entries of the case's own tensors, and the size of their data."""
    entries = []
    start = end = offset
    for tensor in _added(fault, variant):
        place = _MINUS_ONE if fault == "BAD_OFFSET" else offset % 2**64
        entries.append(tensor_entry(tensor, place))
        end = offset + tensor.size_bytes
        offset = end + -end % alignment
    if fault == "MEM_SIZE_OVERFLOW":
        return entries, 32
    return entries, end - start - (fault == "NOT_ENOUGH_DATA")


def _added(fault: str, variant: int) -> list[Tensor]:
    if fault == "MEM_SIZE_OVERFLOW":
        return [Tensor(f"my_tensor_{index}", (2**63 - 64,), _I8) for index in range(2)]
    if fault == "NBYTES_PAD_WRAP":
        return [Tensor("my_tensor_0", (4, 2**30 - 1, 2**30 + 1))]
    chance = random.Random(variant)
    types = list(TENSOR_TYPES)
    first = variant % len(types)
    rotated = enumerate(types[first:] + types[:first])
    return [_tensor(fault, index, kind, chance) for index, kind in rotated]


def _tensor(fault: str, index: int, type_number: int, chance: random.Random) -> Tensor:
    name = "my_tensor" + ("" if fault == "DUPLICATE_NAME" else f"_{index}")
    block = TENSOR_TYPES[type_number].block_size
    shape = [chance.randint(1, 10) * block]
    shape += [chance.randint(1, 10) for _ in range(chance.randrange(4))]
    match fault:
        case "BAD_NAME_SIZE":
            name += _LONG_NAME
        case "BAD_TYPE":
            type_number = _UNKNOWN_TENSOR_TYPE
        case "BAD_N_DIMS":
            shape = [block, 1, 1, 1, 1]
        case "BAD_SHAPE":
            shape = [_MINUS_ONE] * len(shape)
        case "ZERO_DIM":
            shape = [shape[0], 0]
        case "NE_TOO_BIG":
            shape = [4 * (2**31 - 1)] * 2
        case "NBYTES_TOO_BIG":
            # At 8 bytes each they exceed 2**64.
            type_number, shape = _I64, [1_534_000_000] * 2
    return Tensor(name, shape, type_number)
