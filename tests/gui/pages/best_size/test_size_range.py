from __future__ import annotations

from itertools import pairwise

import pytest

from app.core.sizes import KILOBYTE, MEGABYTE
from app.gui.pages.convert.best_size.size_range import size_range
from tests.gui.pages.best_size.plans import planned
from tests.support.profiles import ALL_LEVELS, BITS


def test_sizes_go_from_the_smallest_file_to_q8_0() -> None:
    found = size_range(planned(*ALL_LEVELS))
    assert found is not None
    assert (found.smallest.level, found.largest.level) == ("Q2_K", "Q8_0")
    assert found.unit_bytes == MEGABYTE
    # A billion weights of 2.25 bits take 281.25 MB, and the header 2.
    assert (found.least, found.most) == (284, 1065)
    for size_bytes, units in ((0, 284), (500_999_999, 500), (10**12, 1065)):
        assert found.units(size_bytes) == units


def test_a_model_without_blocks_of_256_is_no_smaller_than_its_smallest_level() -> None:
    found = size_range(planned("Q4_0", "Q8_0"))
    assert found is not None
    assert found.least == 585
    assert found.bits_per_weight(found.least) == pytest.approx(4.66, abs=0.01)


@pytest.mark.parametrize("level", ["Q3_K_S", "IQ4_XS", "Q6_K"])
def test_bits_are_those_of_a_level_of_the_same_size(level: str) -> None:
    found = size_range(planned("Q2_K", level, "Q8_0"))
    assert found is not None
    # A tenth of a percent is lost to whole megabytes.
    (one,) = planned(level)
    bits = found.bits_per_weight(found.units(one.size_bytes))
    assert bits == pytest.approx(BITS[level], abs=0.01)
    assert bits < BITS[level] + 1e-9


@pytest.mark.parametrize("weights", [3 * 10**6, 135 * 10**6, 8 * 10**9, 400 * 10**9])
def test_steps_are_round_ascending_and_few(weights: int) -> None:
    found = size_range(planned("Q2_K", "Q8_0", weights=weights))
    assert found is not None
    steps = found.steps()
    assert (steps[0], steps[-1]) == (found.least, found.most)
    assert list(steps) == sorted(set(steps))
    assert 50 < len(steps) <= 202
    (apart,) = {after - before for before, after in pairwise(steps[1:-1])}
    assert str(apart).rstrip("0") in {"1", "2", "5"}
    assert all(step % apart == 0 for step in steps[1:-1])


def test_tiny_models_are_counted_in_kilobytes() -> None:
    found = size_range(planned("Q2_K", "Q8_0", weights=3 * 10**6))
    assert found is not None
    assert found.unit_bytes == KILOBYTE


@pytest.mark.parametrize("levels", [(), ("Q8_0",), ("BF16", "F32"), ("Q4_K_M", "F16"), ("IQ2_M",)])
def test_there_is_no_range_without_several_plain_levels(levels: tuple[str, ...]) -> None:
    assert size_range(planned(*levels)) is None
