"""Explain why a speed is unknown or only rough."""

from __future__ import annotations

from app.core.device_memory import PROCESSOR
from app.core.language import tr
from app.estimation.placement import Placement
from app.estimation.rates import COSTS, MachineRates
from app.estimation.speed import TypedWeights

MEASURED_WHILE_BUSY = tr("a rough figure, measured while other programs were busy")
"""The caveat about a speed that was predicted from disturbed rates."""


def why_unknown(
    weights: TypedWeights, placement: Placement, rates: MachineRates, problem: str = ""
) -> str:
    """Return the reason why a speed can't be predicted, as a sentence.

    Args:
        weights: of the level.
        placement: of its layers.
        rates: of this machine.
        problem: why rates could not be measured, as a sentence.
    """
    devices = dict.fromkeys((*(span.device for span in placement.spans), PROCESSOR))
    for device in devices:
        known = rates.of(device)
        impossible = sorted(name for name in weights.types if known.generation.get(name) == 0)
        if impossible:
            return tr(
                "{device} can't multiply {types} weights, so the speed is unknown.",
                device=device,
                types=", ".join(impossible),
            )
        missing = sorted({*weights.types, COSTS} - known.measured - {COSTS})
        if missing and not problem:
            return tr(
                "The speed of {device} with {types} has not been measured.",
                device=device,
                types=", ".join(missing),
            )
    return problem or tr("The speed of this machine with this model has not been measured.")
