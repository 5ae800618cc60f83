"""The shape of a model from its header."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from app.estimation.model_shape import shape_of
from app.gguf_file.header_reader import read_header
from tests.support.gguf.gguf_files import llama_file


def test_a_header_has_the_shape(tmp_path: Path) -> None:
    shape = shape_of(read_header(llama_file().write(tmp_path / "model.gguf")))
    assert (shape.architecture, shape.layers, shape.width) == ("llama", 1, 256)
    assert (shape.heads, shape.kv_heads) == (4, (2,))
    assert (shape.key_length, shape.value_length) == (64, 64)
    assert (shape.vocabulary, shape.trained_context) == (100, 2048)
    assert (shape.window, shape.experts, shape.state_size) == (0, 0, 0)


def test_heads_may_differ_from_layer_to_layer(tmp_path: Path) -> None:
    heads = [number % 3 for number in range(80)]
    file = llama_file(llama__block_count=80, llama__attention__head_count_kv=heads)
    assert shape_of(read_header(file.write(tmp_path / "model.gguf"))).kv_heads == tuple(heads)


def test_lengths_that_the_header_has_count(tmp_path: Path) -> None:
    file = llama_file(llama__attention__key_length=192, llama__attention__value_length=128)
    shape = shape_of(read_header(file.write(tmp_path / "model.gguf")))
    assert (shape.key_length, shape.value_length) == (192, 128)


def test_what_the_header_leaves_out_is_0(tmp_path: Path) -> None:
    file = llama_file()
    bare = replace(file, metadata={"general.architecture": "odd"})
    shape = shape_of(read_header(bare.write(tmp_path / "model.gguf")))
    assert (shape.layers, shape.heads, shape.kv_heads, shape.key_length) == (0, 0, (), 0)


def test_what_was_read_needs_no_file(tmp_path: Path) -> None:
    heads = [number % 3 for number in range(64)]
    file = llama_file(llama__block_count=64, llama__attention__head_count_kv=heads)
    path = file.write(tmp_path / "model.gguf")
    header = read_header(path)
    path.unlink()
    assert shape_of(header).kv_heads == tuple(heads)
