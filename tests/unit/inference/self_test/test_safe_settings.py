"""What the engine goes without, and for which failure."""

from __future__ import annotations

from typing import get_args

import pytest

from app.core.errors import ErrorCode
from app.core.load_options import LoadOptions
from app.inference.self_test.safe_settings import (
    NO_ANSWER,
    Countermeasure,
    EngineSetting,
    settings_to_try,
)

OPTIONS = LoadOptions(gpu_layers=9, flash_attention="on", cache_type_v="q8_0", threads=3)


@pytest.mark.parametrize(
    ("failure", "first"),
    [
        ("SIGSEGV", ("extra_buffers",)),
        ("SIGILL", ("extra_buffers",)),
        ("SIGABRT", ("flash_attention",)),
        (ErrorCode.WEIGHTS_NOT_FINITE.value, ("flash_attention",)),
        (ErrorCode.MODEL_REJECTED.value, ("graphics_card",)),
        ("SIGUSR1", ("graphics_card",)),
        (NO_ANSWER, get_args(Countermeasure)),
    ],
)
def test_each_failure_has_its_first_try(failure: str, first: tuple[Countermeasure, ...]) -> None:
    assert settings_to_try(failure)[0] == first


@pytest.mark.parametrize("failure", ["SIGSEGV", "SIGABRT", "weights_not_finite", NO_ANSWER, "?"])
def test_the_last_try_goes_without_everything(failure: str) -> None:
    tries = settings_to_try(failure)
    assert tries[-1] == get_args(Countermeasure)
    assert len(set(tries)) == len(tries)


def test_the_full_setting_changes_nothing() -> None:
    assert EngineSetting().applied_to(OPTIONS) == OPTIONS
    assert not EngineSetting().overrules(OPTIONS)
    assert EngineSetting().described() == ""


def test_each_measure_changes_its_own_options() -> None:
    bare = EngineSetting(get_args(Countermeasure)).applied_to(OPTIONS)
    assert (bare.extra_buffers, bare.flash_attention, bare.gpu_layers) == (False, "off", 0)
    one = EngineSetting(("flash_attention",)).applied_to(OPTIONS)
    assert (one.extra_buffers, one.flash_attention, one.gpu_layers) == (True, "off", 9)
    assert bare.threads == one.threads == 3


def test_values_that_need_flash_attention_are_kept_otherwise_without_it() -> None:
    without = EngineSetting(("flash_attention",))
    assert without.applied_to(OPTIONS).cache_type_v == "f16"
    assert without.applied_to(LoadOptions(cache_type_v="f32")).cache_type_v == "f32"


@pytest.mark.parametrize(
    ("options", "is_overruled"),
    [
        (LoadOptions(), False),
        (LoadOptions(gpu_layers=0, flash_attention="off", extra_buffers=False), False),
        (LoadOptions(gpu_layers=1), True),
        (LoadOptions(flash_attention="on"), True),
        (LoadOptions(cache_type_v="q8_0"), True),
        (LoadOptions(cache_type_k="q8_0", context=512), False),
    ],
)
def test_what_was_chosen_in_vain_can_be_said(options: LoadOptions, is_overruled: bool) -> None:
    assert EngineSetting(get_args(Countermeasure)).overrules(options) == is_overruled


def test_it_says_what_it_goes_without() -> None:
    words = EngineSetting(get_args(Countermeasure)).described()
    assert words == "extra buffer types, flash attention and the GPU"
    assert EngineSetting(("flash_attention",)).described() == "flash attention"
