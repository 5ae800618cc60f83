"""GGUF files byte by byte: well-formed ones, ones with a known fault, and random mutations."""

from __future__ import annotations

import math
import random
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from app.core.errors import ErrorCode
from app.gguf_file.tensor_types import TENSOR_TYPES

UINT8, UINT16, UINT32, INT32, FLOAT32, BOOL, STRING, ARRAY, UINT64 = 0, 2, 4, 5, 6, 7, 8, 9, 10
F32, Q4_K = 0, 12
_FORMATS = {
    UINT8: "<B",
    UINT16: "<H",
    UINT32: "<I",
    INT32: "<i",
    FLOAT32: "<f",
    BOOL: "<?",
    UINT64: "<Q",
}


@dataclass(frozen=True)
class Typed:
    """A metadata value with an explicit type."""

    kind: int
    value: object


@dataclass(frozen=True)
class Tensor:
    """A tensor of zeros; `offset` and `type_number` can be set to wrong values."""

    name: str
    shape: Sequence[int] = (32, 4)
    type_number: int = F32
    offset: int | None = None

    @property
    def size_bytes(self) -> int:
        """Size in bytes as counted by ggml, for types that it knows."""
        kind = TENSOR_TYPES.get(self.type_number, TENSOR_TYPES[F32])
        return math.prod(self.shape) // kind.block_size * kind.block_bytes


@dataclass(frozen=True)
class GgufFile:
    """The parts of a GGUF file; counts that are None are computed."""

    metadata: Mapping[str, object] | Sequence[tuple[str, object]] = field(default_factory=dict)
    tensors: Sequence[Tensor] = ()
    version: int = 3
    alignment: int = 32
    pair_count: int | None = None
    tensor_count: int | None = None

    def header(self) -> bytes:
        """Return everything up to the padding before the data."""
        pairs = self.metadata.items() if isinstance(self.metadata, Mapping) else self.metadata
        pairs = list(pairs)
        counts = (
            len(self.tensors) if self.tensor_count is None else self.tensor_count,
            len(pairs) if self.pair_count is None else self.pair_count,
        )
        parts = [b"GGUF", struct.pack("<IQQ", self.version, *counts)]
        parts += [pair(key, value) for key, value in pairs]
        offset = 0
        for tensor in self.tensors:
            parts.append(tensor_entry(tensor, offset))
            offset += _padded(tensor.size_bytes, self.alignment)
        return b"".join(parts)

    def to_bytes(self) -> bytes:
        """Return the whole file with zeros as data; the last tensor is not padded."""
        header = self.header()
        data_bytes = 0
        for tensor in self.tensors:
            data_bytes = _padded(data_bytes, self.alignment) + tensor.size_bytes
        padding = _padded(len(header), self.alignment) - len(header)
        return header + b"\0" * (padding + data_bytes)

    def write(self, path: Path) -> Path:
        """Write the whole file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.to_bytes())
        return path


def string(text: str | bytes) -> bytes:
    """Return a GGUF string: its length in 8 bytes, then its bytes."""
    raw = text.encode() if isinstance(text, str) else text
    return struct.pack("<Q", len(raw)) + raw


def pair(key: str, value: object) -> bytes:
    """Return a metadata entry: the key, the type number, the value."""
    typed = value if isinstance(value, Typed) else _guess(value)
    return string(key) + struct.pack("<I", typed.kind) + _payload(typed)


def _guess(value: object) -> Typed:
    match value:
        case bool():
            return Typed(BOOL, value)
        case int():
            return Typed(UINT32, value)
        case float():
            return Typed(FLOAT32, value)
        case str() | bytes():
            return Typed(STRING, value)
        case list():
            return Typed(ARRAY, value)
        case _:
            raise TypeError(value)


def _payload(typed: Typed) -> bytes:
    match typed.value:
        case list() as elements:
            kinds = [
                element if isinstance(element, Typed) else _guess(element) for element in elements
            ]
            kind = kinds[0].kind if kinds else UINT32
            return struct.pack("<IQ", kind, len(kinds)) + b"".join(map(_payload, kinds))
        case str() | bytes() as text if typed.kind == STRING:
            return string(text)
        case bytes() as raw:
            return raw
        case value:
            return struct.pack(_FORMATS[typed.kind], value)


def tensor_entry(tensor: Tensor, offset: int) -> bytes:
    """Return a tensor's entry in the header; `offset` applies if the tensor has none."""
    dimensions = len(tensor.shape)
    return string(tensor.name) + struct.pack(
        f"<I{dimensions}QIQ",
        dimensions,
        *tensor.shape,
        tensor.type_number,
        offset if tensor.offset is None else tensor.offset,
    )


def _padded(size: int, alignment: int) -> int:
    return -(-size // alignment) * alignment


def llama_metadata(**changes: object) -> dict[str, object]:
    """Return the metadata of a small Llama; in changed names, two underscores stand for a dot."""
    metadata: dict[str, object] = {
        "general.architecture": "llama",
        "general.name": "Little Llama",
        "general.file_type": 15,
        "llama.block_count": 1,
        "llama.context_length": 2048,
        "llama.embedding_length": 256,
        "llama.attention.head_count": 4,
        "llama.attention.head_count_kv": 2,
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.tokens": [f"token {number}" for number in range(100)],
        "tokenizer.ggml.bos_token_id": 1,
        "tokenizer.ggml.eos_token_id": 2,
        "tokenizer.chat_template": "{{ messages }}",
    }
    return metadata | {key.replace("__", "."): value for key, value in changes.items()}


LLAMA_TENSORS = (
    Tensor("token_embd.weight", (256, 100), Q4_K),
    Tensor("blk.0.attn_q.weight", (256, 256), Q4_K),
    Tensor("output_norm.weight", (256,), F32),
)


def llama_file(**changes: object) -> GgufFile:
    """Return a well-formed small Llama, with changes to its metadata."""
    return GgufFile(llama_metadata(**changes), LLAMA_TENSORS)


def mutations(content: bytes, count: int, seed: int, header_bytes: int) -> Iterator[bytes]:
    """Yield `count` variants of a file with bytes of its header changed, repeated or removed."""
    chance = random.Random(seed)
    for _ in range(count):
        mutated = bytearray(content)
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(min(header_bytes, len(mutated)))
            match chance.randrange(6):
                case 0:
                    mutated[at] ^= 1 << chance.randrange(8)
                case 1:
                    mutated[at] = chance.choice((0, 1, 0x7F, 0x80, 0xFF))
                case 2:
                    mutated[at : at + 8] = struct.pack("<Q", chance.getrandbits(64))
                case 3:
                    mutated[at:at] = mutated[at : at + chance.randint(1, 64)]
                case 4:
                    del mutated[at : at + chance.randint(1, 64)]
                case _:
                    del mutated[at + 1 :]
        yield bytes(mutated)


def _one_pair(kind: int, payload: bytes) -> bytes:
    return GgufFile(pair_count=1).header() + string("key") + struct.pack("<I", kind) + payload


def _array(kind: int, count: int) -> bytes:
    return _one_pair(ARRAY, struct.pack("<IQ", kind, count))


def _with_tensor(**changes: object) -> bytes:
    tensor = Tensor(**({"name": "weight"} | changes))  # type: ignore[arg-type]
    return GgufFile(tensors=[tensor]).header() + b"\0" * 1024


def bad_files() -> dict[str, tuple[bytes, ErrorCode]]:
    """Return files that must be refused, by name; after llama.cpp's tests/test-gguf.cpp."""
    good = llama_file().to_bytes()
    damaged, truncated = ErrorCode.GGUF_DAMAGED, ErrorCode.GGUF_TRUNCATED
    huge = 2**64 - 1
    two = [Tensor("a"), Tensor("b")]
    return {
        "empty": (b"", ErrorCode.NOT_GGUF),
        "bad_magic": (b"FUGG" + good[4:], ErrorCode.NOT_GGUF),
        "text": (b"version https://git-lfs.github.com/spec/v1\n", ErrorCode.NOT_GGUF),
        "magic_alone": (b"GGUF", truncated),
        "version_0": (GgufFile(version=0).header(), damaged),
        "version_1": (GgufFile(version=1).header(), damaged),
        "version_future": (GgufFile(version=4).header(), damaged),
        "big_endian": (b"GGUF" + struct.pack(">IQQ", 3, 0, 0), damaged),
        "huge_tensor_count": (GgufFile(tensor_count=huge).header(), damaged),
        "huge_pair_count": (GgufFile(pair_count=huge).header(), damaged),
        "missing_pair": (GgufFile(pair_count=1).header(), truncated),
        "missing_tensor": (GgufFile(tensor_count=1).header(), truncated),
        "huge_key": (GgufFile(pair_count=1).header() + b"\xff" * 8, damaged),
        "long_key": (GgufFile({"k" * 2**16: 1}).header(), damaged),
        "empty_key": (GgufFile({"": 1}).header(), damaged),
        "duplicate_key": (GgufFile([("a", 1), ("a", 2)]).header(), damaged),
        "unknown_type": (_one_pair(13, b"\0" * 8), damaged),
        "huge_string": (_one_pair(STRING, struct.pack("<Q", huge)), damaged),
        "string_past_end": (_one_pair(STRING, struct.pack("<Q", 1000)), truncated),
        "huge_array_of_numbers": (_array(UINT8, 2**28), damaged),
        "huge_array_of_strings": (_array(STRING, 2**28), damaged),
        "array_past_end": (_array(UINT64, 1000), truncated),
        "array_of_arrays": (_array(ARRAY, 1), damaged),
        "array_of_unknown": (_array(13, 1), damaged),
        "string_in_array_past_end": (
            _array(STRING, 100) + b"\0" * 8 * 99 + struct.pack("<Q", 9),
            truncated,
        ),
        "huge_string_in_array": (_array(STRING, 100) + b"\xff" * 800, damaged),
        "alignment_no_power": (GgufFile({"general.alignment": 13}).header(), damaged),
        "alignment_zero": (GgufFile({"general.alignment": 0}).header(), damaged),
        "alignment_wrong_type": (
            GgufFile({"general.alignment": Typed(INT32, 32)}).header(),
            damaged,
        ),
        "alignment_text": (GgufFile({"general.alignment": "32"}).header(), damaged),
        "alignment_inconsistent": (
            GgufFile({"general.alignment": 64}, [Tensor("a", (1,)), Tensor("b")]).to_bytes(),
            damaged,
        ),
        "long_tensor_name": (_with_tensor(name="n" * 64), damaged),
        "duplicate_tensor": (GgufFile(tensors=[two[0], two[0]]).to_bytes(), damaged),
        "five_dimensions": (_with_tensor(shape=(1,) * 5), damaged),
        "negative_dimension": (_with_tensor(shape=(huge, huge)), damaged),
        "negative_dimension_times_zero": (_with_tensor(shape=(huge, 0)), damaged),
        "too_many_elements": (_with_tensor(shape=(2**33, 2**33)), damaged),
        "too_many_bytes": (_with_tensor(shape=(2**31, 2**30), type_number=27), damaged),
        "padding_wraps": (_with_tensor(shape=(4, 2**30 - 1, 2**30 + 1)), damaged),
        "unknown_tensor_type": (_with_tensor(type_number=43), damaged),
        "removed_tensor_type": (_with_tensor(type_number=31), damaged),
        "row_not_of_blocks": (_with_tensor(shape=(100, 4), type_number=Q4_K), damaged),
        "huge_offset": (_with_tensor(offset=huge), damaged),
        "offset_with_a_gap": (
            GgufFile(tensors=[two[0], Tensor("b", offset=1024)]).to_bytes(),
            damaged,
        ),
        "offset_overlapping": (
            GgufFile(tensors=[two[0], Tensor("b", offset=0)]).to_bytes(),
            damaged,
        ),
        "data_missing": (GgufFile(tensors=two).header(), truncated),
        "data_one_byte_short": (good[:-1], truncated),
        "data_claims_terabytes": (_with_tensor(shape=(2**31, 2**20)), truncated),
    }
