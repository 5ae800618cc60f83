"""What should fit on devices, looked up before a load that leaves it open, and after a failed one.

The inference knows nothing of estimates: it takes the plan as the first of its steps.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from app.core.errors import AppError, ErrorCode
from app.inference.loading.fallbacks import LoadStep
from app.inference.loading.loaded_model import LoadWishes
from app.native.devices import devices
from app.native.rpc import add_workers

if TYPE_CHECKING:
    from app.estimation.fit import Plan


def with_plan(wishes: LoadWishes) -> tuple[LoadWishes, Plan | None]:
    """The wishes with what should fit, where nobody has chosen and there are devices at all.

    Raises:
        AppError: what `plan_load` raises.
    """
    if wishes.options.gpu_layers is not None:
        return wishes, None
    plan = _plan(wishes)
    if plan is None:
        return wishes, None
    experts = wishes.options.experts_on_cpu
    planned = LoadStep(
        gpu_layers=plan.gpu_layers,
        experts_on_cpu=plan.experts_on_cpu if experts is None else experts,
        context=wishes.context,
    )
    return dataclasses.replace(wishes, planned=planned), plan


def with_advice(error: AppError, wishes: LoadWishes) -> AppError:
    """The error of a load, with the layers that would fit where the chosen ones did not."""
    if error.code is not ErrorCode.OUT_OF_MEMORY or not wishes.options.gpu_layers:
        return error
    plan = _plan(wishes)
    return error if plan is None else advised(error, wishes, plan)


def advised(error: AppError, wishes: LoadWishes, plan: Plan) -> AppError:
    """The error with what the plan says, unless that is no help."""
    chosen = wishes.options.gpu_layers or 0
    if plan.verdict == "too_large" or plan.gpu_layers >= chosen:
        return error
    return AppError(
        ErrorCode.LAYERS_OUT_OF_MEMORY,
        model=wishes.model.name,
        layers=chosen,
        fitting=plan.gpu_layers,
        total=wishes.layers + 1,
        context=wishes.context,
    )


def _plan(wishes: LoadWishes) -> Plan | None:
    if wishes.workers:
        add_workers(wishes.workers)
    if not any(device.is_gpu for device in devices()):
        return None
    # Late: estimates need much that a load on the processor does without.
    from app.profiling.load_plan import plan_load

    return plan_load(wishes.model, wishes.options, slots=wishes.slots, workers=wishes.workers)
