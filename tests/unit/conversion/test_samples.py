"""Samples of matrices: some rows from all over, always the same, and no others are read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from app.conversion.layout.layout import FLOAT32, LaidOutTensor
from app.conversion.layout.stored_rows import StoredRows
from app.conversion.samples import sample
from app.core.errors import AppError, ErrorCode

ROWS, WIDTH = 4096, 512
Floats = npt.NDArray[np.float32]


def numbered(*shape: int) -> Floats:
    """Rows that hold their number."""
    *outer, width = shape
    rows = np.arange(np.prod(outer), dtype=np.float32)
    return np.repeat(rows, width).reshape(shape)


def in_memory(weights: Floats) -> LaidOutTensor:
    return LaidOutTensor("a.weight", weights.shape, FLOAT32, weights.nbytes, lambda: weights)


def stored(weights: Floats, file: Path, parts: int = 1) -> LaidOutTensor:
    """A tensor that can't be loaded whole; its rows lie in parts, some bytes before each."""
    rows = weights.reshape(parts, -1, weights.shape[-1])
    places = []
    with file.open("wb") as written:
        for part in rows:
            written.write(b"before")
            places.append(StoredRows(file, written.tell(), len(part), WIDTH, FLOAT32))
            written.write(part.tobytes())
    return LaidOutTensor("a.weight", weights.shape, FLOAT32, 0, never, tuple(places))


def never() -> Floats:
    raise AssertionError("nothing is read whole")


def numbers(tensor: LaidOutTensor) -> list[tuple[int, float]]:
    """The expert and the number of each row of a sample."""
    return [(run.expert, float(row[0])) for run in sample(tensor) for row in run.rows]


def test_it_is_small_spread_and_always_the_same() -> None:
    tensor = in_memory(numbered(ROWS, WIDTH))
    found = [number for _, number in numbers(tensor)]
    assert len(found) * WIDTH == 2**17
    assert found == sorted(found)
    for eighth in range(8):
        begin = ROWS * eighth / 8
        assert any(begin <= number < begin + ROWS / 8 for number in found)
    assert numbers(tensor) == numbers(tensor)


def test_another_name_gives_other_rows() -> None:
    weights = numbered(ROWS, WIDTH)
    other = LaidOutTensor("b.weight", weights.shape, FLOAT32, weights.nbytes, lambda: weights)
    assert numbers(other) != numbers(in_memory(weights))


def test_a_small_matrix_is_taken_whole() -> None:
    assert numbers(in_memory(numbered(6, 16))) == [(0, row) for row in range(6)]


def test_experts_are_told_apart() -> None:
    assert numbers(in_memory(numbered(3, 2, 16))) == [(row // 2, row) for row in range(6)]
    many = numbers(in_memory(numbered(64, 256, WIDTH)))
    assert len({expert for expert, _ in many}) == 8
    assert all(expert == int(number) // 256 for expert, number in many)


@pytest.mark.parametrize("parts", [1, 2, 64])
def test_only_the_rows_of_the_sample_are_read(parts: int, tmp_path: Path) -> None:
    weights = numbered(ROWS, WIDTH)
    tensor = stored(weights, tmp_path / "weights", parts)
    for run in sample(tensor):
        first = int(run.rows[0, 0])
        assert np.array_equal(run.rows, weights[first : first + len(run.rows)])
    assert sum(len(run.rows) for run in sample(tensor)) * WIDTH >= 2**16


def test_stored_experts(tmp_path: Path) -> None:
    tensor = stored(numbered(64, 64, WIDTH), tmp_path / "weights", parts=64)
    assert all(expert == int(number) // 64 for expert, number in numbers(tensor))


def test_a_part_of_a_fused_matrix_is_sampled_from_all_of_it(tmp_path: Path) -> None:
    whole = stored(numbered(3 * ROWS, WIDTH), tmp_path / "weights")
    part = LaidOutTensor("a.weight", (ROWS, WIDTH), FLOAT32, 0, never, whole.stored)
    assert numbers(part)[-1][1] > ROWS


def test_a_file_that_was_cut_off(tmp_path: Path) -> None:
    tensor = stored(numbered(ROWS, WIDTH), tmp_path / "weights")
    with (tmp_path / "weights").open("r+b") as file:
        file.truncate(ROWS * WIDTH)
    with pytest.raises(AppError) as caught:
        list(sample(tensor))
    assert caught.value.code is ErrorCode.FILE_UNREADABLE


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    tensor = stored(numbered(ROWS, WIDTH), tmp_path / "weights")
    (tmp_path / "weights").unlink()
    with pytest.raises(AppError) as caught:
        list(sample(tensor))
    assert caught.value.code is ErrorCode.FILE_UNREADABLE
