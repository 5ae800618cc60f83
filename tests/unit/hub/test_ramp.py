"""The number of connections of a transfer, given its speed."""

from __future__ import annotations

import pytest

from app.hub.ramp import Ramp
from app.hub.transfer_policy import TransferPolicy

POLICY = TransferPolicy(trial_seconds=1.0, needed_gain=1.1)


def connections_after(seconds: int, *speeds: float) -> list[int]:
    """Return how many were wanted each second, given the speed of one, two, three and four."""
    ramp, received, wanted = Ramp(POLICY), 0.0, []
    for second in range(seconds):
        ramp.observe(round(received), float(second))
        wanted.append(ramp.wanted)
        received += speeds[ramp.wanted - 1]
    return wanted


def test_connections_are_added_while_they_help() -> None:
    assert connections_after(7, 10, 20, 30, 40) == [1, 2, 2, 4, 4, 4, 4]


def test_connections_that_do_not_help_are_taken_back() -> None:
    assert connections_after(6, 100, 105, 105, 105) == [1, 2, 2, 1, 1, 1]
    assert connections_after(8, 100, 150, 150, 150) == [1, 2, 2, 4, 4, 2, 2, 2]


def test_a_connection_that_is_fast_enough_stays_alone() -> None:
    assert connections_after(5, 3e8, 6e8, 6e8, 6e8) == [1, 1, 1, 1, 1]
    assert connections_after(6, 2e8, 4e8, 6e8, 8e8) == [1, 2, 2, 2, 2, 2]


def test_they_are_tried_again_after_a_minute() -> None:
    assert connections_after(70, 100, 105, 105, 105)[60:] == [1, 1, 1, 1, 2, 2, 1, 1, 1, 1]


def test_one_that_fails_is_replaced_when_another_has_succeeded() -> None:
    ramp = Ramp(POLICY)
    ramp.observe(0, 0.0)
    ramp.observe(10, 1.0)
    ramp.fail(is_too_much=False)
    assert ramp.wanted == 1
    ramp.succeed()
    ramp.succeed()
    assert ramp.wanted == 2


def test_one_that_the_server_refuses_is_not() -> None:
    ramp = Ramp(POLICY)
    ramp.observe(0, 0.0)
    ramp.observe(10, 1.0)
    ramp.fail(is_too_much=True)
    ramp.succeed()
    assert ramp.wanted == 1


@pytest.mark.parametrize("size", [0, 1, 2**28])
def test_smaller_files_come_in_one_piece(size: int) -> None:
    assert TransferPolicy().segment_bytes(size) == 0


def test_segments_are_neither_small_nor_large() -> None:
    sizes = [TransferPolicy().segment_bytes(size) for size in (2**28 + 1, 2**29, 2**40)]
    assert sizes == [2**24, 2**25, 2**26]
