"""Converted files against those of llama.cpp: `python -m tests.level_comparison REFERENCE FILE...`.

Prints as JSON where each file's level differs from what llama.cpp's quantizer makes of REFERENCE,
and loads the first of them (or REFERENCE alone) for one token. In a process of its own, because the
engine may abort.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec

from app.library.header import Header, read_entries, read_header
from tests.ggml_quantization import silence_llama_cpp
from tests.llama_cpp_tools import quantized_by_llama_cpp

_BY_DESIGN: dict[str, str] = {}
"""Keys of metadata whose values are others on purpose, and why."""
_CONTEXT = 64


class Compared(msgspec.Struct, frozen=True):
    """What differs at each level, empty where nothing does; why the file does not load."""

    differences: dict[str, str]
    refusal: str


def difference(ours: Path, theirs: bytes) -> str:
    """Where two GGUF files differ: keys of their metadata, tensors; empty where nowhere."""
    if ours.read_bytes() == theirs:
        return ""
    other = ours.with_name(f"theirs-{ours.name}")
    other.write_bytes(theirs)
    left, right = read_header(ours), read_header(other)
    found = [
        *_unequal(read_entries(left), read_entries(right), _BY_DESIGN),
        *_unequal(_tensors(left), _tensors(right), {}),
    ]
    other.unlink()
    return ", ".join(found) or ("" if _BY_DESIGN else "their order")


def _unequal(
    left: Mapping[str, object], right: Mapping[str, object], but: Mapping[str, str]
) -> list[str]:
    names = [*left, *(name for name in right if name not in left)]
    return [name for name in names if name not in but and left.get(name) != right.get(name)]


def _tensors(header: Header) -> dict[str, tuple[object, ...]]:
    content = header.path.read_bytes()
    found = {}
    for tensor in header.tensors:
        start = header.data_offset + tensor.offset
        data = content[start : start + tensor.size_bytes]
        found[tensor.name] = (tensor.shape, tensor.type_name, data)
    return found


def first_token_refusal(file: Path) -> str:
    """Why the engine can't run one token through a model; empty when it can."""
    from llama_cpp import llama_cpp as llama

    silence_llama_cpp()
    parameters = llama.llama_model_default_params()
    parameters.use_extra_bufts = False
    model = llama.llama_model_load_from_file(os.fsencode(file), parameters)
    if not model:
        return "no load"
    options = llama.llama_context_default_params()
    options.n_ctx, options.n_threads = _CONTEXT, 1
    context = llama.llama_init_from_model(model, options)
    if not context:
        return "no context"
    tokens = (llama.llama_token * 1)(1)
    batch = llama.llama_batch_get_one(tokens, 1)
    if llama.llama_model_has_encoder(model) and llama.llama_encode(context, batch):
        return "no encoding"
    if llama.llama_model_has_decoder(model) and llama.llama_decode(context, batch):
        return "no token"
    return ""


def _main() -> None:
    reference, *files = map(Path, sys.argv[1:])
    differences = {}
    for file in files:
        level = file.stem.rpartition("-")[2]
        differences[level] = difference(file, quantized_by_llama_cpp(reference, level))
    compared = Compared(differences, first_token_refusal(files[0] if files else reference))
    print(json.dumps(msgspec.to_builtins(compared)))


if __name__ == "__main__":
    _main()
