"""Predicted times: they follow the sizes of a model and the rates of a machine."""

from __future__ import annotations

import pytest

from app.allocation.measuring_time import Work
from app.sensitivity.requests import ComputingRates

RATES = ComputingRates(operations=1e11, roundings=1e8, slow_roundings=1e6)


def test_each_kind_of_work_takes_its_time() -> None:
    assert Work(operations=5e12).seconds(RATES) == pytest.approx(50)
    assert Work(roundings=3e9).seconds(RATES) == pytest.approx(30)
    assert Work(slow_roundings=3e7).seconds(RATES) == pytest.approx(30)
    both = Work(operations=5e12, requests=1) + Work(roundings=3e9, requests=1)
    assert both.seconds(RATES) == pytest.approx(80 + 2 * Work(requests=1).seconds(RATES))


def test_a_machine_twice_as_fast_computes_in_half_the_time() -> None:
    twice = ComputingRates(2 * RATES.operations, 2 * RATES.roundings, 2 * RATES.slow_roundings)
    work = Work(operations=7e13, roundings=2e9, slow_roundings=5e8)
    assert work.seconds(twice) == pytest.approx(work.seconds(RATES) / 2)
