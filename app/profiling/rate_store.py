"""Store the rates of this machine, measured in a child process when first needed.

They are stored per processor, engine build, threads and devices. The rates of a weight type are
measured when first requested; in a child, because some builds crash on some types.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from functools import reduce

import msgspec

from app.core import paths
from app.core.device_memory import PROCESSOR
from app.core.errors import AppError, ErrorCode
from app.core.event_lines import decode_event
from app.core.events import Failed, RatesMeasured
from app.core.json_store import JsonStore
from app.core.language import tr
from app.core.sentences import describe_error
from app.estimation.hardware import Hardware
from app.estimation.rates import COSTS, MachineRates
from app.inference.self_test.safe_settings import WITHOUT_FLAG
from app.jobs.child_process import ChildResult, run_verb
from app.jobs.outcome import ProcessOutcome
from app.machine.contention import MAX_CONTENTION, share_of_others
from app.native.library import engine_fingerprint
from app.profiling.rate_benchmark import BenchmarkRequest

_TIMEOUT_SECONDS = 180
_MAX_LOST_SECONDS = 20
_LOOK_SECONDS = 0.2
_LONG_LOOK_SECONDS, _WAIT_SECONDS = 2.0, 8.0
"""How long other programs must be quiet, and the pause before the next look."""


def machine_rates(
    hardware: Hardware, types: Iterable[str], request: BenchmarkRequest
) -> MachineRates:
    """Return the rates of the processor and of all devices that aren't full, for these types.

    The first measurement takes about three seconds, and another second for each type; stored rates
    take none. While other programs are busy it takes at most twenty seconds longer, and the results
    are used until they can be measured on a quiet machine.

    Raises:
        AppError: `speed_unmeasured` (rates measured before the fault are stored), `engine_missing`,
            `worker_unreachable`.
    """
    rates, wanted = stored_rates(hardware, request), (COSTS, *types)
    for device in (PROCESSOR, *(one.name for one in hardware.devices if not one.is_full)):
        known = rates.of(device)
        missing = [part for part in wanted if part not in known.measured]
        disturbed = [part for part in wanted if part in known.disturbed]
        if disturbed and share_of_others(_LOOK_SECONDS) <= MAX_CONTENTION:
            missing += disturbed
        if missing:
            rates = _measure(rates, device, missing, hardware, request)
    return rates


def quiet_rates(
    hardware: Hardware, types: Iterable[str], request: BenchmarkRequest
) -> MachineRates:
    """Wait until the rates of these types can be measured undisturbed, and return them.

    Raises:
        AppError: as `machine_rates`.
    """
    types = tuple(types)
    while (rates := stored_rates(hardware, request)).disturbed(types):
        time.sleep(_WAIT_SECONDS)
        if share_of_others(_LONG_LOOK_SECONDS) <= MAX_CONTENTION:
            machine_rates(hardware, types, request)
    return rates


def stored_rates(hardware: Hardware, request: BenchmarkRequest) -> MachineRates:
    """Return the stored rates, if any."""
    return _read_store().get(machine_key(hardware, request), MachineRates(request.threads))


def machine_key(hardware: Hardware, request: BenchmarkRequest) -> str:
    """Return a key of everything that the rates depend on."""
    devices = [f"{device.name} ({device.description})" for device in hardware.devices]
    parts = [engine_fingerprint(), f"{request.threads} threads", *devices, *request.workers]
    return " | ".join([*parts, *(f"without {measure}" for measure in request.disabled_features)])


def _measure(
    rates: MachineRates,
    device: str,
    parts: Iterable[str],
    hardware: Hardware,
    request: BenchmarkRequest,
) -> MachineRates:
    arguments = ["--device", device, "--threads", str(request.threads)]
    arguments += [word for part in parts for word in _arguments_of(part)]
    arguments += [word for measure in request.disabled_features for word in (WITHOUT_FLAG, measure)]
    arguments += [word for worker in request.workers for word in ("--worker", worker)]
    child = run_verb(
        "measure-rates",
        *arguments,
        timeout_seconds=_TIMEOUT_SECONDS,
        max_starved_seconds=_MAX_LOST_SECONDS,
    )
    sys.stderr.write(child.log)
    rates = reduce(MachineRates.merged, _rates_in(child.output), rates)
    _store().write_unless_busy(_read_store() | {machine_key(hardware, request): rates})
    _require_success(child)
    return rates


def _arguments_of(part: str) -> tuple[str, ...]:
    return ("--costs",) if part == COSTS else ("--type", part)


def _rates_in(output: bytes) -> Iterator[MachineRates]:
    for line in output.splitlines():
        match decode_event(line):
            case RatesMeasured(measured):
                yield msgspec.json.decode(measured, type=MachineRates)


def _require_success(child: ChildResult) -> None:
    if child.returncode is None:
        reason = tr("it took longer than {seconds} s", seconds=_TIMEOUT_SECONDS)
        if child.was_starved:
            reason = tr("other programs keep the processor busy")
        raise AppError(ErrorCode.SPEED_UNMEASURED, reason=reason)
    outcome = ProcessOutcome.from_returncode(child.returncode)
    if outcome.was_successful:
        return
    for line in child.output.splitlines():
        match decode_event(line):
            case Failed(
                ErrorCode.SPEED_UNMEASURED
                | ErrorCode.ENGINE_MISSING
                | ErrorCode.WORKER_UNREACHABLE as code,
                details,
            ):
                raise AppError(code, **details)
            case Failed(code, details):
                reason = describe_error(code, details)
                raise AppError(ErrorCode.SPEED_UNMEASURED, reason=reason)
    reason = outcome.describe(child.log.splitlines())
    raise AppError(ErrorCode.SPEED_UNMEASURED, reason=reason)


def _store() -> JsonStore[dict[str, MachineRates]]:
    return JsonStore(paths.rates_file(), dict[str, MachineRates])


def _read_store() -> dict[str, MachineRates]:
    # One machine's invalid rates must not discard the others'.
    return _store().salvage() or {}
