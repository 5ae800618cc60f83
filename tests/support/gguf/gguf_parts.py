"""GGUF files taken apart and put together again."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass, replace
from pathlib import Path

from app.gguf_file.header_reader import TensorInfo, read_entries, read_header
from app.gguf_file.tensor_types import TENSOR_TYPES
from tests.support.gguf.gguf_files import INT32, Tensor, Typed, pair, tensor_entry


@dataclass(frozen=True)
class Parts:
    """The parts of a GGUF file; `data` starts where the offsets of tensors count from."""

    entries: dict[str, bytes]
    tensors: tuple[TensorInfo, ...]
    data: bytes
    alignment: int = 32

    def header(self, counts: tuple[int, int] | None = None) -> bytes:
        """Return everything up to the data."""
        counts = counts or (len(self.tensors), len(self.entries))
        parts = [b"GGUF", struct.pack("<IQQ", 3, *counts), *self.entries.values()]
        parts += [
            tensor_entry(Tensor(tensor.name, tensor.shape, tensor.type_number), tensor.offset)
            for tensor in self.tensors
        ]
        return self._padded(b"".join(parts))

    def to_bytes(self) -> bytes:
        """Return the whole file."""
        return self.header() + self.data

    def laid_out(self) -> Parts:
        """Return the same parts with correct offsets and the amount of data that they need."""
        offset, tensors = 0, []
        for tensor in self.tensors:
            tensors.append(tensor._replace(offset=offset % 2**64))
            kind = TENSOR_TYPES.get(tensor.type_number, TENSOR_TYPES[0])
            size = math.prod(tensor.shape) // kind.block_size * kind.block_bytes
            offset += size + -size % self.alignment
        needed = min(offset, 2 * len(self.data))
        data = (self.data * (1 + needed // max(1, len(self.data))))[:needed]
        return replace(self, tensors=tuple(tensors), data=data)

    def _padded(self, raw: bytes) -> bytes:
        return raw + b"\0" * (-len(raw) % self.alignment)


def parts_of(path: Path) -> Parts:
    """Take a file apart."""
    header = read_header(path)
    data = path.read_bytes()[header.data_offset :]
    return Parts(read_entries(header), header.tensors, data, header.alignment)


def with_byte_pairs(parts: Parts) -> Parts:
    """Return the same model with a vocabulary like GPT-2's of the same size."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in shown]
    letters = [*map(chr, shown), *(chr(256 + place) for place in range(len(hidden)))]
    tokens = [*letters, "He", "<s>", "</s>"]
    types = [Typed(INT32, 3 if token.startswith("<") and token[1:] else 1) for token in tokens]
    changes = {
        "model": "gpt2",
        "pre": "llama-bpe",
        "tokens": tokens,
        "token_type": types,
        "merges": ["H e"],
        "bos_token_id": 257,
        "eos_token_id": 258,
    }
    entries = dict(parts.entries)
    del entries["tokenizer.ggml.scores"]
    for name, value in changes.items():
        entries[f"tokenizer.ggml.{name}"] = pair(f"tokenizer.ggml.{name}", value)
    return replace(parts, entries=entries)
