"""Choices of one option per item: the least harm within a budget."""

from __future__ import annotations

import itertools
import random

import pytest

from app.allocation.knapsack import Option, Options, least_harm, total_bytes, total_harm


def random_items(seed: int, unit: int = 1) -> list[Options]:
    chance = random.Random(seed)
    return [
        {
            key: Option(unit * chance.randint(1, 40), chance.random())
            for key in range(chance.randint(1, 4))
        }
        for _ in range(6)
    ]


def best_of_all(items: list[Options], budget: int) -> float | None:
    choices = itertools.product(*(list(item) for item in items))
    fitting = [total_harm(items, one) for one in choices if total_bytes(items, one) <= budget]
    return min(fitting, default=None)


@pytest.mark.parametrize("seed", range(25))
def test_no_choice_within_the_budget_does_less_harm(seed: int) -> None:
    items = random_items(seed)
    for budget in (20, 60, 90, 120, 240):
        chosen = least_harm(items, budget)
        least = best_of_all(items, budget)
        if chosen is None:
            assert least is None
        else:
            assert total_bytes(items, chosen) <= budget
            assert total_harm(items, chosen) == pytest.approx(least)


@pytest.mark.parametrize("seed", range(10))
def test_sizes_beyond_the_number_of_steps_stay_in_the_budget(seed: int) -> None:
    items = random_items(seed, unit=99_991)
    smallest = sum(min(option.size_bytes for option in item.values()) for item in items)
    budget = smallest + 60 * 99_991 + 7
    chosen = least_harm(items, budget)
    assert chosen is not None
    assert total_bytes(items, chosen) <= budget
    assert total_harm(items, chosen) <= 1.05 * (best_of_all(items, budget) or 0)


def test_a_budget_below_the_smallest_options_is_refused() -> None:
    items: list[Options] = [{0: Option(10, 1.0), 1: Option(20, 0.5)}] * 2
    assert least_harm(items, 19) is None
    assert least_harm(items, 20) == [0, 0]
    assert least_harm(items, 10**9) == [1, 1]


def test_a_larger_option_that_does_more_harm_is_never_chosen() -> None:
    items: list[Options] = [{0: Option(10, 0.2), 1: Option(20, 0.5), 2: Option(30, 0.1)}]
    assert least_harm(items, 29) == [0]
    assert least_harm(items, 30) == [2]
