"""What a file tells about its importance matrix, as llama-quantize writes it."""

from __future__ import annotations

import struct

import pytest

from app.conversion.importance_metadata import (
    ImportanceMetadata,
    expected_importance_metadata,
    importance_metadata_of,
)
from app.gguf_file.header_writer import metadata_for
from app.native.importance_matrix import ImportanceMatrix

_UINT32, _STRING = 4, 8


def string(key: str, value: bytes) -> bytes:
    return _key(key) + struct.pack("<IQ", _STRING, len(value)) + value


def count(key: str, value: int) -> bytes:
    return _key(key) + struct.pack("<II", _UINT32, value)


def _key(key: str) -> bytes:
    name = f"quantize.imatrix.{key}".encode()
    return struct.pack("<Q", len(name)) + name


def test_the_first_of_several_texts_is_told() -> None:
    matrix = ImportanceMatrix({}, 7, 512, ("one.txt", "two.txt"))
    told = importance_metadata_of(matrix, "a.gguf").entries()
    assert list(told.values()) == [
        string("file", b"a.gguf"),
        string("dataset", b"one.txt"),
        count("entries_count", 0),
        count("chunks_count", 7),
    ]


@pytest.mark.parametrize("chunks", [0, 2**31])
def test_what_is_not_known_is_left_out(chunks: int) -> None:
    told = importance_metadata_of(ImportanceMatrix({}, chunks, 0), "a.dat").entries()
    assert list(told.values()) == [string("file", b"a.dat"), count("entries_count", 0)]


def test_names_are_cut_where_llama_quantize_cuts_them_but_never_within_a_character() -> None:
    told = ImportanceMetadata("x" * 200, "x" * 126 + "é", 1, 1).entries()
    assert told["quantize.imatrix.file"] == string("file", b"x" * 127)
    assert told["quantize.imatrix.dataset"] == string("dataset", b"x" * 126)


def test_a_plan_without_the_matrix_is_as_long_as_one_with_it() -> None:
    known = ImportanceMetadata("a.gguf", "text.txt", 4_000, 100).entries()
    expected = expected_importance_metadata("a.gguf", "text.txt").entries()
    assert {key: len(entry) for key, entry in known.items()} == {
        key: len(entry) for key, entry in expected.items()
    }


def test_the_matrix_of_an_earlier_quantization_is_replaced() -> None:
    earlier = {"general.name": b"name", **ImportanceMetadata("old", "old.txt", 1, 1).entries()}
    made_with = ImportanceMetadata("new", None, 2, 2).entries()
    metadata = metadata_for(earlier, 15, made_with)
    assert list(metadata) == [
        "general.name",
        "quantize.imatrix.dataset",
        "general.quantization_version",
        "general.file_type",
        *made_with,
    ]
    assert metadata["quantize.imatrix.file"] == string("file", b"new")
