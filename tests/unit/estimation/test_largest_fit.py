"""The largest file that fits, by the same plans as the levels' fits."""

from __future__ import annotations

import pytest

from app.core.events import LevelPlanned
from app.core.load_options import LoadOptions
from app.estimation.hardware import Hardware
from app.estimation.largest_fit import largest_fitting
from app.estimation.model_profile import ModelProfile
from app.estimation.predictions import predict_levels
from app.estimation.rescaling import resized
from tests.support.profiles import GB, MB, checkpoint_profile, made_machine

LEAST, MOST = 3_000, 9_000
OPTIONS = LoadOptions(context=8192)


def file_of(units: int) -> LevelPlanned:
    return LevelPlanned("Q4_K_M", units * MB, 8 * units * MB / 8e9, "")


def verdict_of(profile: ModelProfile, units: int, options: LoadOptions) -> str:
    (row,) = predict_levels(resized(profile, [file_of(units)]), options)
    assert row.plan is not None
    return row.plan.verdict


@pytest.mark.parametrize(
    ("machine", "verdict"),
    [
        (made_machine(ram_gb=8), "on_processor"),
        (made_machine(8, ram_gb=32), "on_devices"),
        (made_machine(2, ram_gb=6), "shared"),
    ],
    ids=["processor", "device", "both"],
)
def test_one_unit_more_would_be_placed_worse(machine: Hardware, verdict: str) -> None:
    profile = checkpoint_profile(machine)
    found = largest_fitting(profile, OPTIONS, file_of, LEAST, MOST)
    assert found is not None
    assert LEAST < found < MOST
    assert verdict_of(profile, found, OPTIONS) == verdict
    assert verdict_of(profile, found + 1, OPTIONS) != verdict


def test_a_larger_context_leaves_less_room() -> None:
    profile = checkpoint_profile(made_machine(ram_gb=8))
    short, long = (
        largest_fitting(profile, LoadOptions(context=context), file_of, LEAST, MOST)
        for context in (4096, 16384)
    )
    assert short is not None
    assert long is not None
    assert (short - long) * MB == pytest.approx(12288 * 32 * 4096, rel=0.1)


def test_everything_may_fit_or_nothing() -> None:
    roomy, tiny = (checkpoint_profile(made_machine(ram_gb=size)) for size in (64, 2))
    assert largest_fitting(roomy, OPTIONS, file_of, LEAST, MOST) == MOST
    assert largest_fitting(tiny, OPTIONS, file_of, LEAST, MOST) is None
    assert GB * 2 < LEAST * MB
