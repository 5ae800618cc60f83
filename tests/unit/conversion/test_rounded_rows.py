"""Rows quantized beforehand: found by their weights, in any order."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from app.conversion.rounded_rows import RoundedRows, row_digests

WEIGHTS = np.random.default_rng(0).standard_normal((40, 64), np.float32)
ROWS = np.random.default_rng(1).integers(0, 256, (40, 34), np.uint8)


def saved(folder: Path) -> RoundedRows:
    """Save the rows in two parts, as those of two experts."""
    rounded = RoundedRows(folder, 8)
    rounded.add(WEIGHTS[:15], ROWS[:15])
    rounded.add(WEIGHTS[15:], ROWS[15:])
    return rounded


def test_rows_are_found_in_another_order(tmp_path: Path) -> None:
    rounded = saved(tmp_path / "a")
    order = np.random.default_rng(2).permutation(40)
    found = rounded.find(WEIGHTS[order])
    assert found is not None
    assert np.array_equal(found, ROWS[order])
    part = RoundedRows(tmp_path / "a", 8).find(WEIGHTS[7:11])
    assert part is not None
    assert np.array_equal(part, ROWS[7:11])


def test_one_unknown_row_is_one_too_many(tmp_path: Path) -> None:
    rounded = saved(tmp_path / "a")
    changed = WEIGHTS.copy()
    changed[3, 5] = np.nextafter(changed[3, 5], np.float32(9))
    assert rounded.find(changed) is None
    assert rounded.find(WEIGHTS[:, ::-1]) is None


def test_equal_rows_have_equal_digests_and_others_do_not() -> None:
    digests = row_digests(np.vstack([WEIGHTS, WEIGHTS[:1], -WEIGHTS]))
    assert digests[0] == digests[40]
    assert len(set(digests.tolist())) == 80
