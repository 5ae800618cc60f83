"""The rates of this machine: measured in a child, stored, and failures have a reason."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from app.core import paths
from app.core.errors import AppError, ErrorCode
from app.core.event_lines import encode
from app.core.events import Failed, Finished, RatesMeasured
from app.core.sentences import describe_error
from app.estimation.rates import COSTS, DeviceRates, MachineRates
from app.jobs import child_process
from app.jobs.outcome import EXIT_FAILED, EXIT_USAGE
from app.machine.cores import usable_threads
from app.profiling import rate_store
from app.profiling.rate_benchmark import BenchmarkRequest, measure_device
from app.profiling.rate_store import machine_key, machine_rates, quiet_rates, stored_rates
from app.profiling.this_machine import read_hardware
from tests.processes.test_probe import lay_under, needs_preload
from tests.processes.working import working
from tests.support.machine.known_machine import MADE_UP_RATES
from tests.support.machine.verbs import run_verb, started

pytestmark = pytest.mark.slow

REQUEST = BenchmarkRequest(threads=1)
CRASH_IN_A_PRODUCT = """
#include <stdlib.h>
void *ggml_mul_mat(void) { abort(); }
"""


@pytest.fixture(autouse=True)
def _in_whatever_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trust all measured rates, so that other tests running at the same time don't matter."""
    monkeypatch.setattr(rate_store, "MAX_CONTENTION", -1.0)
    monkeypatch.setattr(rate_store, "_MAX_LOST_SECONDS", 1000)


def refuse_measuring(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make children fail from now on, for lack of an interpreter."""
    monkeypatch.setattr(sys, "executable", os.devnull)


def test_rates_are_measured_once_for_each_type(monkeypatch: pytest.MonkeyPatch) -> None:
    hardware = read_hardware()
    first = machine_rates(hardware, {"Q4_0"}, REQUEST)
    of_processor = first.devices["CPU"]
    assert of_processor.has_costs
    assert of_processor.generation["Q4_0"] > 0
    assert of_processor.prompt["Q4_0"] > 0
    assert of_processor.attention
    assert of_processor.bandwidth
    second = machine_rates(hardware, {"Q4_0", "F16"}, REQUEST)
    assert second.devices["CPU"].generation["F16"] > 0
    assert second.devices["CPU"].generation["Q4_0"] == of_processor.generation["Q4_0"]
    refuse_measuring(monkeypatch)
    assert machine_rates(hardware, {"F16", "Q4_0"}, REQUEST) == second
    assert stored_rates(hardware, BenchmarkRequest(threads=2)) == MachineRates(2)
    with pytest.raises(OSError, match=os.devnull):
        machine_rates(hardware, {"F16"}, BenchmarkRequest(threads=2))


def test_what_others_disturbed_counts_until_it_is_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    hardware = read_hardware()
    slow = replace(MADE_UP_RATES, attention=1.0).as_disturbed()
    known = MachineRates(1, {"CPU": slow})
    key = machine_key(hardware, REQUEST)
    paths.rates_file().write_bytes(msgspec.json.encode({key: known}))
    with monkeypatch.context() as patched:
        refuse_measuring(patched)
        # On a busy machine nothing is measured again.
        assert machine_rates(hardware, {"Q4_0"}, REQUEST) == known
    monkeypatch.setattr(rate_store, "MAX_CONTENTION", 1.0)
    found = machine_rates(hardware, {"Q4_0"}, REQUEST).of("CPU")
    assert found.generation["F16"] == slow.generation["F16"]
    assert stored_rates(hardware, REQUEST).of("CPU") == found


def test_rough_rates_are_measured_again_once_it_is_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    hardware = read_hardware()
    rough = MADE_UP_RATES.as_disturbed()
    key = machine_key(hardware, REQUEST)
    paths.rates_file().write_bytes(msgspec.json.encode({key: MachineRates(1, {"CPU": rough})}))
    monkeypatch.setattr(rate_store, "_WAIT_SECONDS", 0)
    monkeypatch.setattr(rate_store, "_LONG_LOOK_SECONDS", 0)
    # Two looks find other work, then none does.
    looks = iter([True, True])
    monkeypatch.setattr(rate_store, "share_of_others", lambda _: float(next(looks, False)))
    monkeypatch.setattr(rate_store, "MAX_CONTENTION", 0.5)
    measured = 0

    def measure(*arguments: object, **limits: object) -> object:
        nonlocal measured
        measured += 1
        rates = MachineRates(1, {"CPU": MADE_UP_RATES})
        event = RatesMeasured(msgspec.Raw(msgspec.json.encode(rates)))
        return child_process.ChildResult(0, encode(event), "", was_starved=False)

    monkeypatch.setattr(rate_store, "run_verb", measure)
    found = quiet_rates(hardware, ["Q4_0"], REQUEST)
    assert next(looks, None) is None
    assert measured == 1
    assert not found.disturbed(["Q4_0"])
    assert found == stored_rates(hardware, REQUEST)


def test_quiet_rates_are_used_beside_other_work(monkeypatch: pytest.MonkeyPatch) -> None:
    hardware = read_hardware()
    quiet = MachineRates(1, {"CPU": MADE_UP_RATES})
    key = machine_key(hardware, REQUEST)
    paths.rates_file().write_bytes(msgspec.json.encode({key: quiet}))
    refuse_measuring(monkeypatch)
    assert machine_rates(hardware, {"Q4_0", "F16"}, REQUEST) == quiet


def test_no_estimate_waits_long_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_store, "_MAX_LOST_SECONDS", 0.5)
    monkeypatch.setattr(child_process.Contention, "share", lambda _: 0.9)
    with pytest.raises(AppError) as caught:
        machine_rates(read_hardware(), {"Q4_0"}, REQUEST)
    assert caught.value.code is ErrorCode.SPEED_UNMEASURED
    assert "busy" in str(caught.value.details["reason"])


def test_rates_beside_other_work_are_of_the_machine_and_say_so() -> None:
    """Twice as many programs as there are cores would make them a hundred times too low."""
    quiet = DeviceRates()
    for rates in measure_device(
        "CPU", ["Q8_0"], BenchmarkRequest(usable_threads()), with_costs=True
    ):
        quiet = quiet.merged(rates.of("CPU"))
    count = 2 * (os.cpu_count() or 1)
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        request = BenchmarkRequest(usable_threads())
        ended = run_verb(
            "measure-rates", "--device", "CPU", "--threads", str(request.threads), "--costs"
        )
    finally:
        for other in others:
            other.kill()
            other.wait()
    (line,) = ended.lines
    busy = msgspec.json.decode(line, type=MachineRates).of("CPU")
    assert busy.disturbed == {COSTS, "Q8_0"}
    for found, expected in (
        (busy.generation["Q8_0"], quiet.generation["Q8_0"]),
        (busy.prompt["Q8_0"], quiet.prompt["Q8_0"]),
    ):
        assert expected / 5 < found < expected * 5
    assert _token_overhead(busy) < 10 * _token_overhead(quiet)


def _token_overhead(rates: DeviceRates) -> float:
    """Return what a token costs in a model of 9 layers, however small: all that was timed.

    A layer's share of it is a difference of two times, which noise can make zero.
    """
    assert rates.token_seconds is not None
    assert rates.layer_seconds is not None
    return rates.token_seconds + 9 * rates.layer_seconds


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"a": 5}', b"\xff"])
def test_a_damaged_memory_counts_as_none(content: bytes) -> None:
    paths.rates_file().write_bytes(content)
    assert stored_rates(read_hardware(), REQUEST) == MachineRates(1)


def test_a_damaged_memory_is_measured_anew() -> None:
    hardware = read_hardware()
    paths.rates_file().write_bytes(b'{"' + machine_key(hardware, REQUEST).encode() + b'": 5}')
    found = machine_rates(hardware, (), REQUEST)
    assert found.devices["CPU"].has_costs
    assert stored_rates(hardware, REQUEST) == found


def test_one_damaged_machine_leaves_the_others_remembered() -> None:
    hardware = read_hardware()
    known = {"another": 5, machine_key(hardware, REQUEST): MachineRates(1, {"CPU": MADE_UP_RATES})}
    paths.rates_file().write_bytes(msgspec.json.encode(known))
    assert stored_rates(hardware, REQUEST).of("CPU") == MADE_UP_RATES


def test_other_machines_stay_remembered() -> None:
    other = {"another": MachineRates(8, {"CPU": DeviceRates(bandwidth=1.0)})}
    paths.rates_file().write_bytes(msgspec.json.encode(other))
    machine_rates(read_hardware(), (), REQUEST)
    kept = msgspec.json.decode(paths.rates_file().read_bytes(), type=dict[str, MachineRates])
    assert len(kept) == 2
    assert kept["another"] == other["another"]


@needs_preload
def test_a_crash_is_told_in_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lay_under(CRASH_IN_A_PRODUCT, tmp_path, monkeypatch)
    with pytest.raises(AppError) as caught:
        machine_rates(read_hardware(), {"Q4_0"}, REQUEST)
    assert caught.value.code is ErrorCode.SPEED_UNMEASURED
    sentence = describe_error(caught.value.code, caught.value.details)
    assert "could not be measured" in sentence
    assert "(SIGABRT)" in sentence


def test_a_worker_is_measured_as_a_device() -> None:
    with working() as (_, address):
        arguments = ("--device", "RPC0", "--threads", "1", "--type", "Q8_0", "--worker", address)
        with started("measure-rates", *arguments) as child:
            assert child.end() == 0
    measured, finished = child.events
    assert isinstance(measured, RatesMeasured)
    assert (
        msgspec.json.decode(measured.rates, type=MachineRates).devices["RPC0"].generation["Q8_0"]
        > 0
    )
    assert finished == Finished()


def test_a_device_that_is_not_there_is_named() -> None:
    with started("measure-rates", "--device", "CUDA9", "--threads", "1") as child:
        assert child.end() == EXIT_FAILED
    (failed,) = child.events
    assert isinstance(failed, Failed)
    assert failed.code is ErrorCode.SPEED_UNMEASURED
    assert "CUDA9" in str(failed.details["reason"])


def test_types_that_no_product_is_made_with_are_refused() -> None:
    ended = run_verb("measure-rates", "--device", "CPU", "--threads", "1", "--type", "I32")
    assert ended.status == EXIT_USAGE
