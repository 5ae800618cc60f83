"""What of a model should fit on this machine's devices, looked up before it is loaded."""

from __future__ import annotations

import msgspec

from app.core.load_options import LoadOptions
from app.estimation.fit import Plan
from app.estimation.predictions import predict_levels
from app.gguf_file.model import Model
from app.native.rpc import add_workers
from app.profiling.collection import collect_profile, refine
from app.profiling.dry_load import ContextSetup
from app.profiling.sizing import file_source
from app.profiling.this_machine import read_hardware


def plan_load(
    model: Model, options: LoadOptions, *, slots: int = 1, workers: tuple[str, ...] = ()
) -> Plan | None:
    """Where the model should go, whatever layers are chosen; it takes a second.

    None without devices that layers could lie on, and where a trial load fails.

    Raises:
        AppError: `engine_missing`, `worker_unreachable`.
    """
    if workers:
        add_workers(workers)
    hardware = read_hardware()
    if not hardware.devices:
        return None
    source = file_source(model)
    setup = ContextSetup(slots, workers)
    options = msgspec.structs.replace(options, gpu_layers=None)
    found = refine(collect_profile(source, hardware, options, setup), source, options, setup)
    (row,) = predict_levels(found, options)
    return row.plan
