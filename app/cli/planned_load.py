"""Plan a load if the user has not set its GPU layers, and give advice after a failed one.

`app.inference` knows nothing about estimates: it tries the plan as its first step.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from app.core.errors import AppError, ErrorCode
from app.inference.loading.fallbacks import LoadStep
from app.inference.loading.loaded_model import LoadRequest
from app.native.devices import devices
from app.native.rpc import add_workers

if TYPE_CHECKING:
    from app.estimation.fit import Plan


def with_plan(load_request: LoadRequest) -> tuple[LoadRequest, Plan | None]:
    """Return the request with a planned first step if layers are automatic and devices exist.

    Raises:
        AppError: from `plan_load`.
    """
    if load_request.options.gpu_layers is not None:
        return load_request, None
    if load_request.workers:
        add_workers(load_request.workers)
    plan = _plan(load_request)
    if plan is None:
        return load_request, None
    experts = load_request.options.experts_on_cpu
    planned = LoadStep(
        gpu_layers=plan.gpu_layers,
        experts_on_cpu=plan.experts_on_cpu if experts is None else experts,
        context=load_request.context,
    )
    return dataclasses.replace(load_request, planned=planned), plan


def with_advice(error: AppError, load_request: LoadRequest) -> AppError:
    """Return a load's error, with the number of layers that would fit if the chosen one did not."""
    if error.code is not ErrorCode.OUT_OF_MEMORY or not load_request.options.gpu_layers:
        return error
    plan = _plan(load_request)
    return error if plan is None else with_fitting_layers(error, load_request, plan)


def with_fitting_layers(error: AppError, load_request: LoadRequest, plan: Plan) -> AppError:
    """Return the error with the plan's number of layers, if that helps."""
    chosen = load_request.options.gpu_layers or 0
    if plan.verdict == "too_large" or plan.gpu_layers >= chosen:
        return error
    return AppError(
        ErrorCode.LAYERS_OUT_OF_MEMORY,
        model=load_request.model.path.name,
        layers=chosen,
        fitting=plan.gpu_layers,
        total=load_request.model.info.layers + 1,
        context=load_request.context,
    )


def _plan(load_request: LoadRequest) -> Plan | None:
    # Workers have been added, by `with_plan` or by the load that failed.
    if not any(device.is_gpu for device in devices()):
        return None
    # Imported late: estimates need modules that a load on the CPU doesn't.
    from app.profiling.load_plan import plan_load

    return plan_load(
        load_request.model,
        load_request.options,
        slots=load_request.slots,
        workers=load_request.workers,
    )
