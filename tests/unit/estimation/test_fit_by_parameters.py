"""The level for a machine by the number of parameters alone."""

from __future__ import annotations

import pytest

from app.core.load_options import LoadOptions
from app.estimation.fit import Verdict
from app.estimation.fit_by_parameters import guess_fit, max_parameters, verdict_at
from app.estimation.hardware import DeviceInfo, Hardware

GIGABYTE = 10**9
LAPTOP = Hardware(4, 8, 8 * GIGABYTE, 6 * GIGABYTE)
WORKSTATION = Hardware(
    *(8, 16, 64 * GIGABYTE, 60 * GIGABYTE),
    (DeviceInfo("CUDA0", "CUDA", "GPU", 24 * GIGABYTE, 24 * GIGABYTE),),
)


@pytest.mark.parametrize(
    ("machine", "billions", "level", "verdict"),
    [
        (LAPTOP, 1, "Q6_K", "on_processor"),
        (LAPTOP, 8, "Q4_K_M", "on_processor"),
        (LAPTOP, 70, "Q2_K", "too_large"),
        (WORKSTATION, 8, "Q6_K", "on_devices"),
        (WORKSTATION, 32, "Q5_K_M", "on_devices"),
        (WORKSTATION, 70, "Q6_K", "shared"),
        (WORKSTATION, 405, "Q2_K", "too_large"),
    ],
)
def test_the_best_level(machine: Hardware, billions: int, level: str, verdict: Verdict) -> None:
    fit = guess_fit(billions * GIGABYTE, LoadOptions(), machine)
    assert (fit.level, fit.verdict) == (level, verdict)


def test_the_size_is_that_of_the_level() -> None:
    fit = guess_fit(8_030_261_248, LoadOptions(), LAPTOP)
    assert fit.size_bytes == pytest.approx(4.92 * GIGABYTE, rel=0.01)


def test_a_given_level() -> None:
    assert verdict_at("Q4_K_M", 8 * GIGABYTE, LoadOptions(), LAPTOP) == "on_processor"
    assert verdict_at("Q8_0", 8 * GIGABYTE, LoadOptions(), LAPTOP) == "too_large"


@pytest.mark.parametrize("machine", [LAPTOP, WORKSTATION])
def test_the_largest_model_that_fits(machine: Hardware) -> None:
    most = max_parameters(LoadOptions(), machine)
    assert guess_fit(most - 10**6, LoadOptions(), machine).verdict != "too_large"
    assert guess_fit(most + 10**8, LoadOptions(), machine).verdict == "too_large"


def test_a_machine_without_free_memory() -> None:
    assert max_parameters(LoadOptions(), Hardware(1, 1, GIGABYTE, 10**6)) == 0
