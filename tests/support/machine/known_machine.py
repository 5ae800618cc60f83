"""This machine with a finished engine test and made-up rates."""

from __future__ import annotations

import msgspec

from app.core import paths
from app.core.device_memory import PROCESSOR
from app.estimation.rates import MATRIX_TYPES, DeviceRates, MachineRates
from app.inference.self_test.safe_settings import EngineSetting
from app.machine.cores import usable_threads
from app.native.library import engine_fingerprint
from app.profiling.rate_benchmark import BenchmarkRequest
from app.profiling.rate_store import machine_key
from app.profiling.this_machine import read_hardware

MADE_UP_RATES = DeviceRates(
    generation=dict.fromkeys(MATRIX_TYPES, 1e10),
    prompt=dict.fromkeys(MATRIX_TYPES, 1e11),
    attention=1e9,
    prompt_attention=1e10,
    bandwidth=1e10,
    token_seconds=1e-4,
    layer_seconds=1e-5,
    element_seconds=1e-9,
)


def remember_machine(of_device: DeviceRates = MADE_UP_RATES) -> None:
    """Write both to the data folder, as the program does."""
    setting = {engine_fingerprint(): EngineSetting()}
    paths.engine_file().write_bytes(msgspec.json.encode(setting))
    hardware, request = read_hardware(), BenchmarkRequest(usable_threads())
    names = (PROCESSOR, *(device.name for device in hardware.devices))
    rates = MachineRates(request.threads, dict.fromkeys(names, of_device))
    paths.rates_file().write_bytes(msgspec.json.encode({machine_key(hardware, request): rates}))
