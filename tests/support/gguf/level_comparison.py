"""Converted files compared with those of llama.cpp.

Run: `python -m tests.support.gguf.level_comparison REFERENCE FILE...`.

Print, as JSON, the differences of each file from llama.cpp's quantization of REFERENCE to its
level; empty if there are none. It runs in a separate process, because the quantizer may abort.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from app.gguf_file.header_reader import Header, read_entries, read_header
from tests.support.engine.llama_cpp_tools import quantized_by_llama_cpp


def difference(ours: Path, theirs: bytes) -> str:
    """Return the metadata keys and tensors in which two GGUF files differ."""
    if ours.read_bytes() == theirs:
        return ""
    other = ours.with_name(f"theirs-{ours.name}")
    other.write_bytes(theirs)
    left, right = read_header(ours), read_header(other)
    found = [
        *_unequal(read_entries(left), read_entries(right)),
        *_unequal(_tensors(left), _tensors(right)),
    ]
    other.unlink()
    return ", ".join(found) or "the order"


def _unequal(left: Mapping[str, object], right: Mapping[str, object]) -> list[str]:
    names = [*left, *(name for name in right if name not in left)]
    return [name for name in names if left.get(name) != right.get(name)]


def _tensors(header: Header) -> dict[str, tuple[object, ...]]:
    content = header.path.read_bytes()
    found = {}
    for tensor in header.tensors:
        start = header.data_offset + tensor.offset
        data = content[start : start + tensor.size_bytes]
        found[tensor.name] = (tensor.shape, tensor.type_name, data)
    return found


def _main() -> None:
    reference, *files = map(Path, sys.argv[1:])
    differences = {}
    for file in files:
        level = file.stem.rpartition("-")[2]
        differences[level] = difference(file, quantized_by_llama_cpp(reference, level))
    print(json.dumps(differences))


if __name__ == "__main__":
    _main()
