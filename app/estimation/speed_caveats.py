"""Why a speed is unknown, and how far one that is known can be relied on, in words."""

from __future__ import annotations

from app.core.device_memory import PROCESSOR
from app.estimation.placement import Placement
from app.estimation.rates import COSTS, MachineRates
from app.estimation.speed import TypedWeights

BESIDE_OTHER_WORK = "measured beside other work, a rough figure"
"""What is said of a speed that was predicted from disturbed rates."""


def why_unknown(
    weights: TypedWeights, placement: Placement, rates: MachineRates, problem: str = ""
) -> str:
    """The reason for a speed that can't be predicted.

    Args:
        weights: of the level in question.
        placement: where its layers lie.
        rates: of this machine.
        problem: what kept rates from being measured, as a sentence.
    """
    devices = dict.fromkeys((*(span.device for span in placement.spans), PROCESSOR))
    for device in devices:
        known = rates.of(device)
        impossible = sorted(name for name in weights.types if known.generation.get(name) == 0)
        if impossible:
            return f"{device} can't multiply with {', '.join(impossible)}, so the speed is unknown."
        missing = sorted({*weights.types, COSTS} - known.measured - {COSTS})
        if missing and not problem:
            return f"How fast {device} is with {', '.join(missing)} was not measured."
    return problem or "How fast this machine computes with this model was not measured."
