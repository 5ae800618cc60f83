"""The level that suits a machine, guessed from the number of parameters alone."""

from __future__ import annotations

from dataclasses import dataclass

from app.core.load_options import LoadOptions
from app.estimation.fit import Verdict
from app.estimation.hardware import Hardware
from app.estimation.quick_fit import (
    SizedModel,
    best_of,
    fitting_bytes,
    needed_bytes,
    quick_verdict,
)

_BITS = {
    "Q2_K": 3.16,
    "Q3_K_M": 4.00,
    "Q4_K_M": 4.89,
    "Q5_K_M": 5.70,
    "Q6_K": 6.56,
    "Q8_0": 8.50,
}
"""Bits per weight of Llama-3.1-8B by llama-quantize (llama.cpp, tools/quantize/README.md)."""
_FEWEST_BITS = min(_BITS.values())
_BITS_PER_BYTE = 8


@dataclass(frozen=True)
class GuessedFit:
    """The level that suits a machine best, the approximate size of its file, and its placement."""

    level: str
    size_bytes: int
    verdict: Verdict


def guess_fit(parameters: int, options: LoadOptions, machine: Hardware) -> GuessedFit:
    """Return the level that suits a model with this many parameters; `parameters` is above 0."""
    sizes = {level: _size_of(parameters, bits) for level, bits in _BITS.items()}
    models = [SizedModel(level, needed_bytes(size, {}, options)) for level, size in sizes.items()]
    best = best_of(models, machine) or models[0]
    return GuessedFit(best.level, sizes[best.level], quick_verdict(best.needed_bytes, machine))


def verdict_at(level: str, parameters: int, options: LoadOptions, machine: Hardware) -> Verdict:
    """Return where a model with this many parameters would be placed at one of the usual levels."""
    size_bytes = _size_of(parameters, _BITS[level])
    return quick_verdict(needed_bytes(size_bytes, {}, options), machine)


def max_parameters(options: LoadOptions, machine: Hardware) -> int:
    """Return the number of parameters of the largest model that fits at the smallest level."""
    room = max(0, fitting_bytes(machine) - needed_bytes(0, {}, options))
    return round(room * _BITS_PER_BYTE / _FEWEST_BITS)


def _size_of(parameters: int, bits: float) -> int:
    return round(parameters * bits / _BITS_PER_BYTE)
