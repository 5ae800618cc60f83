"""What the engine goes without, and for which failure."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from app.core.errors import ErrorCode
from app.inference.loading import LoadWishes
from app.inference.safe_settings import NO_ANSWER, EngineSetting, Measure, settings_to_try

WISHES = LoadWishes(Path("a.gguf"), 1, 256, 256, gpu_layers=9, flash_attention="on")


@pytest.mark.parametrize(
    ("failure", "first"),
    [
        ("SIGSEGV", ("extra_buffers",)),
        ("SIGILL", ("extra_buffers",)),
        ("SIGABRT", ("flash_attention",)),
        (ErrorCode.WEIGHTS_NOT_FINITE.value, ("flash_attention",)),
        (ErrorCode.MODEL_REJECTED.value, ("graphics_card",)),
        ("SIGUSR1", ("graphics_card",)),
        (NO_ANSWER, get_args(Measure)),
    ],
)
def test_each_failure_has_its_first_try(failure: str, first: tuple[Measure, ...]) -> None:
    assert settings_to_try(failure)[0] == first


@pytest.mark.parametrize("failure", ["SIGSEGV", "SIGABRT", "weights_not_finite", NO_ANSWER, "?"])
def test_the_last_try_goes_without_everything(failure: str) -> None:
    tries = settings_to_try(failure)
    assert tries[-1] == get_args(Measure)
    assert len(set(tries)) == len(tries)


def test_the_full_setting_changes_nothing() -> None:
    assert EngineSetting().applied_to(WISHES) == WISHES
    assert EngineSetting().in_words() == ""


def test_each_measure_changes_its_own_wish() -> None:
    bare = EngineSetting(get_args(Measure)).applied_to(WISHES)
    assert (bare.has_extra_buffers, bare.flash_attention, bare.gpu_layers) == (False, "off", 0)
    one = EngineSetting(("flash_attention",)).applied_to(WISHES)
    assert (one.has_extra_buffers, one.flash_attention, one.gpu_layers) == (True, "off", 9)


def test_it_says_what_it_goes_without() -> None:
    words = EngineSetting(get_args(Measure)).in_words()
    assert words == "extra buffer types, flash attention and the graphics card"
    assert EngineSetting(("flash_attention",)).in_words() == "flash attention"
