"""Importance matrices: the files of both formats, what llama-quantize makes of them, damage."""

from __future__ import annotations

import ctypes
import os
import struct
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from app.core.errors import AppError, ErrorCode
from app.core.sentences import describe_error
from app.native.importance_matrix import (
    Activations,
    ImportanceMatrix,
    read_importance_matrix,
    save_importance_matrix,
)
from app.native.library import load_ggml_base
from tests.support.gguf.gguf_files import GgufFile, Tensor, bad_files, llama_file, mutations

_METADATA = {
    "imatrix.datasets": ["text"],
    "imatrix.chunk_count": 2,
    "imatrix.chunk_size": 512,
}
_NAMED = {
    ErrorCode.IMPORTANCE_MATRIX_DAMAGED,
    ErrorCode.GGUF_DAMAGED,
    ErrorCode.GGUF_TRUNCATED,
}


def activations(sums: Sequence[Sequence[float]], counts: Sequence[int]) -> Activations:
    return Activations(np.array(sums, np.float32), np.array(counts, np.int64))


def sample() -> ImportanceMatrix:
    rng = np.random.default_rng(0)
    return ImportanceMatrix(
        {
            "blk.10.attn_q.weight": activations(rng.random((1, 5)), [1024]),
            "blk.0.ffn_up_exps.weight": activations(rng.random((3, 7)), [900, 0, 124]),
            "blk.0.ffn_down.weight": activations(rng.random((1, 64)), [1024]),
        },
        chunk_count=2,
        chunk_size=512,
        datasets=("first.txt", "zweites Büchlein.txt"),
    )


def assert_equal(read: ImportanceMatrix, expected: ImportanceMatrix) -> None:
    assert set(read.entries) == set(expected.entries)
    for name, entry in expected.entries.items():
        np.testing.assert_array_equal(read.entries[name].sums, entry.sums)
        np.testing.assert_array_equal(read.entries[name].counts, entry.counts)
    assert read.chunk_count == expected.chunk_count
    assert read.chunk_size == expected.chunk_size
    assert read.datasets == expected.datasets


@pytest.mark.parametrize("datasets", [(), ("one",), tuple(f"text {n}" for n in range(100))])
def test_what_was_saved_is_read_again(tmp_path: Path, datasets: tuple[str, ...]) -> None:
    matrix = ImportanceMatrix(sample().entries, 2, 512, datasets)
    save_importance_matrix(tmp_path / "a.gguf", matrix)
    assert_equal(read_importance_matrix(tmp_path / "a.gguf"), matrix)
    assert [file.name for file in tmp_path.glob("a.gguf*")] == ["a.gguf"]


def test_the_file_is_the_one_that_ggml_writes(tmp_path: Path) -> None:
    save_importance_matrix(tmp_path / "ours.gguf", sample())
    write_with_ggml(tmp_path / "ggml.gguf", sample())
    assert (tmp_path / "ours.gguf").read_bytes() == (tmp_path / "ggml.gguf").read_bytes()


def write_with_ggml(path: Path, matrix: ImportanceMatrix) -> None:
    """The calls that llama-imatrix makes to save its file (tools/imatrix/imatrix.cpp)."""
    ggml = load_ggml_base()
    for name in ("gguf_init_empty", "ggml_init", "ggml_new_tensor_2d", "ggml_get_data"):
        getattr(ggml, name).restype = ctypes.c_void_p

    class Parameters(ctypes.Structure):
        _fields_ = (
            ("size", ctypes.c_size_t),
            ("buffer", ctypes.c_void_p),
            ("no_alloc", ctypes.c_bool),
        )

    ggml.ggml_init.argtypes = [Parameters]
    context = ctypes.c_void_p(ggml.ggml_init(Parameters(2**20, None, False)))
    file = ctypes.c_void_p(ggml.gguf_init_empty())
    ggml.gguf_set_val_str(file, b"general.type", b"imatrix")
    names = (ctypes.c_char_p * len(matrix.datasets))(*(name.encode() for name in matrix.datasets))
    ggml.gguf_set_arr_str(file, b"imatrix.datasets", names, ctypes.c_size_t(len(names)))
    ggml.gguf_set_val_u32(file, b"imatrix.chunk_count", ctypes.c_uint32(matrix.chunk_count))
    ggml.gguf_set_val_u32(file, b"imatrix.chunk_size", ctypes.c_uint32(matrix.chunk_size))
    for name, entry in sorted(matrix.entries.items()):
        counts = entry.counts.astype(np.float32)[:, None]
        for ending, values in (("in_sum2", entry.sums), ("counts", counts)):
            rows, width = values.shape
            tensor = ctypes.c_void_p(
                ggml.ggml_new_tensor_2d(context, 0, ctypes.c_int64(width), ctypes.c_int64(rows))
            )
            ggml.ggml_set_name(tensor, f"{name}.{ending}".encode())
            data = ctypes.c_void_p(ggml.ggml_get_data(tensor))
            ctypes.memmove(data, values.tobytes(), values.nbytes)
            ggml.gguf_add_tensor(file, tensor)
    ggml.gguf_write_to_file(file, os.fsencode(path), ctypes.c_bool(False))
    ggml.gguf_free(file)
    ggml.ggml_free(context)


def test_the_weights_are_means_and_ones_for_experts_that_saw_nothing() -> None:
    matrix = ImportanceMatrix(
        {
            "plain": activations([[2, 4, 5]], [3]),
            "experts": activations([[2, 4], [0, 0], [9, 1]], [2, 0, 4]),
            "several matrices": activations([[1, 2, 3, 4]], [2]),
        },
        chunk_count=1,
        chunk_size=3,
    )
    plain = matrix.weights_for("plain")
    assert plain is not None
    assert plain.dtype == np.float32
    np.testing.assert_array_equal(plain, np.array([2, 4, 5], np.float32) / np.float32(3))
    experts = matrix.weights_for("experts")
    assert experts is not None
    assert experts.tolist() == [1, 2, 1, 1, 2.25, 0.25]
    several = matrix.weights_for("several matrices")
    assert several is not None
    assert several.tolist() == [0.5, 1, 1.5, 2]
    assert matrix.weights_for("unknown") is None


def old_file(
    entries: Sequence[tuple[str, int, Sequence[float]]], chunks: int | None = 7, text: str = "t"
) -> bytes:
    parts = [struct.pack("<i", len(entries))]
    for name, calls, values in entries:
        raw = name.encode()
        parts += [struct.pack("<i", len(raw)), raw, struct.pack("<ii", calls, len(values))]
        parts.append(np.array(values, "<f4").tobytes())
    if chunks is not None:
        parts.append(struct.pack("<ii", chunks, len(text.encode())) + text.encode())
    return b"".join(parts)


OLD_ENTRIES = [("blk.0.attn_q.weight", 4, [2, 4, 6]), ("blk.1.attn_q.weight", 0, [3, 5])]


def test_the_old_format(tmp_path: Path) -> None:
    file = tmp_path / "imatrix.dat"
    file.write_bytes(old_file(OLD_ENTRIES, chunks=4, text="wörter.txt"))
    matrix = read_importance_matrix(file)
    first, second = (matrix.weights_for(f"blk.{n}.attn_q.weight") for n in range(2))
    assert first is not None
    assert second is not None
    assert first.tolist() == [0.5, 1, 1.5]
    # llama-quantize takes the values of an entry without a number of calls as they are.
    assert second.tolist() == [3, 5]
    assert (matrix.chunk_count, matrix.chunk_size) == (4, 0)
    assert matrix.datasets == ("wörter.txt",)


def test_the_oldest_files_end_after_the_entries(tmp_path: Path) -> None:
    file = tmp_path / "imatrix.dat"
    file.write_bytes(old_file(OLD_ENTRIES, chunks=None))
    matrix = read_importance_matrix(file)
    assert len(matrix.entries) == 2
    assert (matrix.chunk_count, matrix.datasets) == (0, ())


def test_an_old_file_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    whole, file = old_file(OLD_ENTRIES, chunks=None), tmp_path / "imatrix.dat"
    for length in range(len(whole)):
        file.write_bytes(whole[:length])
        assert refusal_of(file).code is ErrorCode.IMPORTANCE_MATRIX_DAMAGED


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK\x03\x04 something else" * 100,
        struct.pack("<i", 0),
        struct.pack("<i", -5),
        struct.pack("<ii", 1, -1),
        struct.pack("<ii", 1, 2**31 - 1),
        struct.pack("<ii4sii", 1, 4, b"name", 1, -4),
        struct.pack("<ii4sii", 1, 4, b"name", 1, 2**31 - 1),
        old_file([("a", 1, [])]),
        old_file([("a", 1, [1]), ("a", 1, [1])]),
        old_file([("a", 1, [float("nan")])]),
        old_file([("a", 1, [1, float("inf")])]),
        old_file([("a", 1, [1, -1])]),
        struct.pack("<i", 2**31 - 1) + struct.pack("<iiif", 0, 1, 1, 1.0),
    ],
)
def test_an_old_file_that_contradicts_itself_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "imatrix.dat"
    file.write_bytes(content)
    error = refusal_of(file)
    assert error.code is ErrorCode.IMPORTANCE_MATRIX_DAMAGED
    assert describe_error(error.code, error.details).startswith("imatrix.dat can't be used")


@pytest.mark.parametrize(
    "file",
    [
        llama_file(),
        GgufFile(_METADATA),
        GgufFile(_METADATA, [Tensor("a.in_sum2", (32,)), Tensor("b.counts", (1,))]),
        GgufFile(_METADATA, [Tensor("a.in_sum2", (32,))]),
        GgufFile(_METADATA, [Tensor("a.weight", (32,))]),
        GgufFile(_METADATA, [Tensor("a.counts", (1,)), Tensor("a.in_sum2", (32,), 8)]),
        GgufFile(_METADATA, [Tensor("a.counts", (3,)), Tensor("a.in_sum2", (32,))]),
        GgufFile(_METADATA, [Tensor("a.counts", (0,)), Tensor("a.in_sum2", (32,))]),
        GgufFile(_METADATA, [Tensor("a.counts", (1,)), Tensor("a.in_sum2", (0,))]),
        GgufFile(
            _METADATA | {"imatrix.chunk_size": "512"},
            [Tensor("a.counts", (1,)), Tensor("a.in_sum2", (32,))],
        ),
        GgufFile(
            _METADATA | {"imatrix.datasets": [1, 2]},
            [Tensor("a.counts", (1,)), Tensor("a.in_sum2", (32,))],
        ),
    ],
)
def test_a_gguf_file_that_is_no_importance_matrix_is_refused(
    tmp_path: Path, file: GgufFile
) -> None:
    path = file.write(tmp_path / "imatrix.gguf")
    assert refusal_of(path).code is ErrorCode.IMPORTANCE_MATRIX_DAMAGED


def test_counts_that_no_calibration_gives_are_refused(tmp_path: Path) -> None:
    matrix = ImportanceMatrix({"a": activations([[1, 2]], [2**62])}, 1, 3)
    save_importance_matrix(tmp_path / "a.gguf", matrix)
    assert refusal_of(tmp_path / "a.gguf").code is ErrorCode.IMPORTANCE_MATRIX_DAMAGED


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0])
def test_sums_that_no_calibration_gives_are_refused(tmp_path: Path, value: float) -> None:
    matrix = ImportanceMatrix({"a": activations([[1, value]], [3])}, 1, 3)
    save_importance_matrix(tmp_path / "a.gguf", matrix)
    assert refusal_of(tmp_path / "a.gguf").code is ErrorCode.IMPORTANCE_MATRIX_DAMAGED


@pytest.mark.parametrize("name", [n for n, (c, _) in bad_files().items() if c[:4] == b"GGUF"])
def test_a_damaged_gguf_file_is_refused(tmp_path: Path, name: str) -> None:
    content, _ = bad_files()[name]
    path = tmp_path / "imatrix.gguf"
    path.write_bytes(content)
    assert refusal_of(path).code in _NAMED


def test_mutated_files_are_read_or_refused_by_name(tmp_path: Path) -> None:
    save_importance_matrix(tmp_path / "whole.gguf", sample())
    path = tmp_path / "mutated"
    began = time.process_time()
    old = old_file([(f"blk.{layer}.attn_q.weight", 4, [layer] * 60) for layer in range(4)])
    for content in ((tmp_path / "whole.gguf").read_bytes(), old):
        for mutated in mutations(content, 500, 1, len(content)):
            path.write_bytes(mutated)
            assert is_usable(path) or refusal_of(path).code in _NAMED
    assert time.process_time() - began < 20


def is_usable(path: Path) -> bool:
    try:
        matrix = read_importance_matrix(path)
    except AppError:
        return False
    for name in matrix.entries:
        weights = matrix.weights_for(name)
        assert weights is not None
        assert np.isfinite(weights).all()
    return True


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing"):
        assert refusal_of(path).code is ErrorCode.FILE_UNREADABLE


def refusal_of(path: Path) -> AppError:
    with pytest.raises(AppError) as caught:
        read_importance_matrix(path)
    return caught.value
