"""Choose one option per item so that the total harm is least and the total size is in a budget.

The multiple-choice knapsack problem, by dynamic programming over sizes (Malinovskii et al. 2024,
"Pushing the Limits of LLM Quantization via the Linearity Theorem", section on dynamic programming).
Sizes are rounded up to steps, so that no choice exceeds the budget; what the rounding leaves is
then spent on the best exchanges of single options.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

_STEPS = 2**15


class Option(NamedTuple):
    """One way to store an item: the bytes that it takes, and the harm that it does."""

    size_bytes: int
    harm: float


Options = Mapping[int, Option]
"""The options of an item by a key, such as ggml's number of a type."""


def least_harm(items: Sequence[Options], budget_bytes: int) -> list[int] | None:
    """Return the key of the option to choose for each item; None if even the smallest don't fit."""
    spare = budget_bytes - sum(min(option.size_bytes for option in item.values()) for item in items)
    if spare < 0:
        return None
    chosen = _by_steps(items, spare)
    return _improved(items, chosen, budget_bytes)


def total_bytes(items: Sequence[Options], chosen: Sequence[int]) -> int:
    """Return the size of a choice."""
    return sum(item[key].size_bytes for item, key in zip(items, chosen, strict=True))


def total_harm(items: Sequence[Options], chosen: Sequence[int]) -> float:
    """Return the harm of a choice."""
    return sum(item[key].harm for item, key in zip(items, chosen, strict=True))


def _by_steps(items: Sequence[Options], spare_bytes: int) -> list[int]:
    """Choose with the bytes beyond each item's smallest option counted in steps."""
    step = max(1, -(-spare_bytes // _STEPS))
    count = spare_bytes // step + 1
    least: npt.NDArray[np.float64] = np.zeros(count)
    taken: list[tuple[list[int], npt.NDArray[np.int8]]] = []
    steps: list[list[int]] = []
    for item in items:
        keys = list(item)
        smallest = min(option.size_bytes for option in item.values())
        extra = [-(-(item[key].size_bytes - smallest) // step) for key in keys]
        candidates = np.full((len(keys), count), np.inf)
        for row, (key, more) in enumerate(zip(keys, extra, strict=True)):
            if more < count:
                candidates[row, more:] = least[: count - more] + item[key].harm
        best = candidates.argmin(axis=0).astype(np.int8)
        least = np.take_along_axis(candidates, best[None].astype(np.intp), axis=0)[0]
        taken.append((keys, best))
        steps.append(extra)
    return _traced(taken, steps, count - 1)


def _traced(
    taken: Sequence[tuple[list[int], npt.NDArray[np.int8]]], steps: Sequence[list[int]], place: int
) -> list[int]:
    chosen = []
    for (keys, best), extra in zip(reversed(taken), reversed(steps), strict=True):
        row = int(best[place])
        chosen.append(keys[row])
        place -= extra[row]
    return chosen[::-1]


def _improved(items: Sequence[Options], chosen: list[int], budget_bytes: int) -> list[int]:
    """Exchange single options for better ones as long as the budget allows, the best one first."""
    chosen = list(chosen)
    while True:
        left = budget_bytes - total_bytes(items, chosen)
        gains = [
            (item[old].harm - option.harm, number, key)
            for number, (item, old) in enumerate(zip(items, chosen, strict=True))
            for key, option in item.items()
            if option.size_bytes - item[old].size_bytes <= left and option.harm < item[old].harm
        ]
        if not gains:
            return chosen
        _, number, key = max(gains)
        chosen[number] = key
