"""The rates of this machine: measured in a child process when first needed, and remembered.

They are kept per processor, engine build, threads and devices. What a type costs is measured when
somebody first asks about the type; in a child, because some builds crash at some types.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from functools import reduce

import msgspec

from app.core import paths
from app.core.device_memory import PROCESSOR
from app.core.errors import AppError, ErrorCode
from app.core.events import Failed, Said, decode_event
from app.core.json_store import JsonStore
from app.core.sentences import describe_error
from app.estimation.hardware import Hardware
from app.estimation.rates import COSTS, MachineRates
from app.inference.self_test.safe_settings import WITHOUT_FLAG
from app.jobs.child_process import ChildResult, run_verb
from app.jobs.outcome import ProcessOutcome
from app.machine.contention import MOST_CONTENTION, share_of_others
from app.native.library import engine_fingerprint
from app.profiling.rate_benchmark import BenchmarkRequest

_TIMEOUT_SECONDS = 180
_MOST_LOST_SECONDS = 20
_LOOK_SECONDS = 0.2


def machine_rates(
    hardware: Hardware, types: Iterable[str], request: BenchmarkRequest
) -> MachineRates:
    """The rates of the processor and of all devices that aren't full for these types of weights.

    The first time takes about three seconds, and one more for each type; what is known takes none.
    While others have the processors it takes no more than twenty seconds longer, and what was
    measured then counts until it can be measured on a quiet machine.

    Raises:
        AppError: `speed_unmeasured`; what was measured before the fault is kept. `engine_missing`,
            `worker_unreachable`.
    """
    rates, wanted = known_rates(hardware, request), (COSTS, *types)
    for device in (PROCESSOR, *(one.name for one in hardware.devices if not one.is_full)):
        known = rates.of(device)
        missing = [part for part in wanted if part not in known.measured]
        disturbed = [part for part in wanted if part in known.disturbed]
        if disturbed and share_of_others(_LOOK_SECONDS) <= MOST_CONTENTION:
            missing += disturbed
        if missing:
            rates = _measured(rates, device, missing, hardware, request)
    return rates


def known_rates(hardware: Hardware, request: BenchmarkRequest) -> MachineRates:
    """The rates that were measured before, as far as they go."""
    return _read_known().get(machine_key(hardware, request), MachineRates(request.threads))


def machine_key(hardware: Hardware, request: BenchmarkRequest) -> str:
    """A text that changes with everything that the rates depend on."""
    devices = [f"{device.name} ({device.description})" for device in hardware.devices]
    parts = [engine_fingerprint(), f"{request.threads} threads", *devices, *request.workers]
    return " | ".join([*parts, *(f"without {measure}" for measure in request.without)])


def _measured(
    rates: MachineRates,
    device: str,
    parts: Iterable[str],
    hardware: Hardware,
    request: BenchmarkRequest,
) -> MachineRates:
    words = ["--device", device, "--threads", str(request.threads)]
    words += [word for part in parts for word in _words_of(part)]
    words += [word for measure in request.without for word in (WITHOUT_FLAG, measure)]
    words += [word for worker in request.workers for word in ("--worker", worker)]
    child = run_verb(
        "measure-rates",
        *words,
        timeout_seconds=_TIMEOUT_SECONDS,
        most_lost_seconds=_MOST_LOST_SECONDS,
    )
    sys.stderr.write(child.log)
    rates = reduce(MachineRates.merged, _rates_in(child.output), rates)
    _store().write_unless_busy(_read_known() | {machine_key(hardware, request): rates})
    _require_success(child)
    return rates


def _words_of(part: str) -> tuple[str, ...]:
    return ("--costs",) if part == COSTS else ("--type", part)


def _rates_in(output: bytes) -> Iterator[MachineRates]:
    for line in output.splitlines():
        match decode_event(line):
            case Said(text):
                yield msgspec.json.decode(text, type=MachineRates)


def _require_success(child: ChildResult) -> None:
    if child.returncode is None:
        reason = f"it took longer than {_TIMEOUT_SECONDS} s"
        if child.was_starved:
            reason = "other programs keep its processors busy"
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
    words = outcome.describe(child.log.splitlines())
    raise AppError(ErrorCode.SPEED_UNMEASURED, reason=words)


def _store() -> JsonStore[dict[str, MachineRates]]:
    return JsonStore(paths.rates_file(), dict[str, MachineRates])


def _read_known() -> dict[str, MachineRates]:
    # One machine's invalid rates must not discard the others'.
    return _store().salvage() or {}
