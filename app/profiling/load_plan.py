"""Plan which layers of a model fit on this machine's devices, before it is loaded."""

from __future__ import annotations

import msgspec

from app.core.load_options import LoadOptions
from app.estimation.fit import Plan
from app.estimation.predictions import predict_levels
from app.gguf_file.model import Model
from app.profiling.collection import collect_profile, refine
from app.profiling.dry_load import ContextSetup
from app.profiling.sizing import file_source
from app.profiling.this_machine import read_hardware


def plan_load(
    model: Model, options: LoadOptions, *, slots: int = 1, workers: tuple[str, ...] = ()
) -> Plan | None:
    """Plan the placement of a model, ignoring the chosen layers; takes about a second.

    The devices of `workers` must have been added.

    Returns:
        None without devices for layers, or if a dry load fails.

    Raises:
        AppError: `engine_missing`, `worker_unreachable`.
    """
    hardware = read_hardware()
    if not hardware.devices:
        return None
    source = file_source(model)
    setup = ContextSetup(slots, workers)
    options = msgspec.structs.replace(options, gpu_layers=None)
    profile = refine(collect_profile(source, hardware, options, setup), source, options, setup)
    (row,) = predict_levels(profile, options)
    return row.plan
