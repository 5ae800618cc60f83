from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np
import numpy.typing as npt
import pytest

from app.native import kernels
from app.native.kernels import BLOCK_FORMATS, KernelLibrary, available_instruction_sets
from app.native.quantization import row_size_bytes
from tests.support.gguf.ggml_quantization import ggml_quantize
from tests.unit.native.kernel_rows import (
    IMPORTANCE,
    KINDS,
    importance_of,
    row_of,
    seeded_rows,
)

F16 = 1
SEEDS = 1200

_BEST = kernels.kernel_library()
for_every_kernel = pytest.mark.parametrize(
    "type_number",
    _BEST.type_numbers() if _BEST else [],
    ids=lambda number: BLOCK_FORMATS[number].name,
)


def widths(type_number: int) -> list[int]:
    """Widths of one block, several, and none that fills all lanes evenly."""
    small = [32, 96, 576] if BLOCK_FORMATS[type_number].block_size == 32 else []
    return [*small, 256, 512, 2048, 4096 + 256]


@pytest.fixture(params=available_instruction_sets())
def library(request: pytest.FixtureRequest) -> KernelLibrary:
    found = kernels.kernel_library(request.param)
    assert found is not None
    return found


@cache
def expected_of_kinds(
    type_number: int, width: int, importance: str | None
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8]]:
    rows = np.stack([row_of(kind, 7, width) for kind in KINDS])
    return rows, ggml_quantize(type_number, rows, weights(importance, width))


@cache
def expected_of_seeds(
    type_number: int, importance: str | None
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8]]:
    rows = seeded_rows(SEEDS, 256)
    return rows, ggml_quantize(type_number, rows, weights(importance, 256))


def weights(importance: str | None, width: int) -> npt.NDArray[np.float32] | None:
    return None if importance is None else importance_of(importance, 3, width)


def different_rows(
    ours: npt.NDArray[np.uint8] | None, expected: npt.NDArray[np.uint8]
) -> list[int]:
    assert ours is not None
    return np.flatnonzero((ours != expected).any(axis=1)).tolist()


def test_libraries_were_built():
    assert "baseline" in available_instruction_sets()


def test_every_format_has_a_kernel(library: KernelLibrary):
    assert library.type_numbers() == list(BLOCK_FORMATS)


@pytest.mark.parametrize("importance", [None, *IMPORTANCE])
@for_every_kernel
def test_every_kind_of_row_gives_the_bytes_of_ggml(
    library: KernelLibrary, type_number: int, importance: str | None
):
    for width in widths(type_number):
        rows, expected = expected_of_kinds(type_number, width, importance)
        ours = library.quantize(type_number, rows, weights(importance, width))
        different = [list(KINDS)[row] for row in different_rows(ours, expected)]
        assert not different, f"width {width}"


@pytest.mark.parametrize("importance", [None, "cubes", "mostly zero"])
@for_every_kernel
def test_many_seeds_give_the_bytes_of_ggml(
    library: KernelLibrary, type_number: int, importance: str | None
):
    rows, expected = expected_of_seeds(type_number, importance)
    ours = library.quantize(type_number, rows, weights(importance, 256))
    assert not different_rows(ours, expected)


@pytest.mark.parametrize("count", [0, 1, 3, 33])
@for_every_kernel
def test_writes_its_rows_and_nothing_else(library: KernelLibrary, type_number: int, count: int):
    rows = seeded_rows(count, 256)
    size = count * row_size_bytes(type_number, 256)
    target = np.full(size + 4096, 0xA5, dtype=np.uint8)
    kernel = library._kernel(type_number)
    assert kernel is not None
    kernel(rows.ctypes.data, target.ctypes.data, count, 256, None)
    assert np.array_equal(target[:size], ggml_quantize(type_number, rows).ravel())
    assert (target[size:] == 0xA5).all()


def test_threads_work_side_by_side():
    rows = seeded_rows(256, 512)
    expected = kernels.quantize(12, rows)
    with ThreadPoolExecutor(4) as pool:
        parts = list(pool.map(lambda part: kernels.quantize(12, part), np.split(rows, 8)))
    assert expected is not None
    assert np.array_equal(np.concatenate([part for part in parts if part is not None]), expected)


def test_rows_with_gaps_are_taken_as_they_are_indexed():
    wide = seeded_rows(8, 512)
    gaps = wide[::2, 256:]
    ours = kernels.quantize(12, gaps)
    assert ours is not None
    assert np.array_equal(ours, ggml_quantize(12, np.ascontiguousarray(gaps)))


def test_a_type_without_a_kernel_is_left_to_ggml():
    assert kernels.quantize(F16, seeded_rows(1, 256)) is None


def test_an_instruction_set_that_is_not_there_gives_no_library():
    assert kernels.kernel_library("avx1024") is None


def test_a_width_that_splits_a_block_is_refused():
    with pytest.raises(ValueError, match="no multiple of 256"):
        kernels.quantize(12, seeded_rows(1, 288))


def test_importance_of_another_width_is_refused():
    with pytest.raises(ValueError, match="importance of shape"):
        kernels.quantize(12, seeded_rows(1, 256), np.ones(512, dtype=np.float32))
