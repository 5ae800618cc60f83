"""Flags for load options: what they say, and that options can be written as flags."""

from __future__ import annotations

import argparse

import pytest

from app.cli.load_arguments import add_load_arguments, chosen_options, given_options
from app.core.load_options import (
    LOAD_FIELDS,
    LoadOptions,
    LoadValue,
    arguments_of,
    load_arguments_of,
)

OTHERS = LoadOptions(
    gpu_layers=0,
    device_shares=(3, 0.125, 0),
    experts_on_cpu=7,
    kv_on_device=False,
    cache_type_k="q8_0",
    cache_type_v="iq4_nl",
    flash_attention="on",
    swa_full=True,
    context=12_345,
    batch=64,
    micro_batch=32,
    threads=3,
    threads_batch=1,
    memory_map="off",
    memory_lock=True,
    extra_buffers=False,
)
"""Every option has another value than its default."""


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="gristmill")
    add_load_arguments(parser)
    return parser.parse_args(words)


def test_every_option_is_another_above() -> None:
    default = LoadOptions()
    assert [n for n in LOAD_FIELDS if getattr(OTHERS, n) == getattr(default, n)] == []


@pytest.mark.parametrize("options", [LoadOptions(), OTHERS])
@pytest.mark.parametrize("settings", [LoadOptions(), OTHERS])
def test_options_as_flags_say_the_same_whatever_the_settings_are(
    options: LoadOptions, settings: LoadOptions
) -> None:
    words = load_arguments_of(options)
    assert chosen_options(parsed(*words), settings) == options


def test_what_is_not_given_stays_as_it_was_set() -> None:
    assert chosen_options(parsed(), OTHERS) == OTHERS
    chosen = chosen_options(parsed("--context", "512", "--gpu-layers", "auto"), OTHERS)
    assert (chosen.context, chosen.gpu_layers, chosen.threads) == (512, None, 3)


@pytest.mark.parametrize(
    ("words", "given"),
    [
        ((), {}),
        (("--gpu-layers", "auto"), {"gpu_layers": None}),
        (("--device-shares", "auto"), {"device_shares": ()}),
        (("--device-shares", "3,1"), {"device_shares": (3.0, 1.0)}),
        (("--no-kv-on-device", "--memory-lock"), {"kv_on_device": False, "memory_lock": True}),
        (("--threads", "4", "--cache-type-k", "q4_0"), {"threads": 4, "cache_type_k": "q4_0"}),
    ],
)
def test_given_options_alone_pass_through(
    words: tuple[str, ...], given: dict[str, LoadValue]
) -> None:
    assert given_options(parsed(*words)) == given
    assert given_options(parsed(*arguments_of(given))) == given


@pytest.mark.parametrize(
    ("flag", "value", "reason"),
    [
        ("--gpu-layers", "many", "“many” is not a whole number from 0 to 1,024"),
        ("--threads", "0", "“0” is not a whole number from 1 to 1,024"),
        ("--context", "255", "“255” is not a whole number from 256 to 1,048,576"),
        ("--device-shares", "1,x", "“x” is not a number from 0 to 1,000"),
        ("--device-shares", "nan", "“nan” is not a number from 0 to 1,000"),
        ("--device-shares", ",".join("1" * 65), "more than 64 numbers"),
        ("--batch", "auto", "“auto” is not a whole number from 32 to 65,536"),
    ],
)
def test_a_wrong_value_is_said_with_its_bounds(
    flag: str, value: str, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        parsed(flag, value)
    assert capsys.readouterr().err.splitlines()[-1].endswith(f"argument {flag}: {reason}")


def test_some_options_alone_can_be_declared() -> None:
    parser = argparse.ArgumentParser(prog="gristmill")
    add_load_arguments(parser, ("context",))
    assert given_options(parser.parse_args(["--context", "300"])) == {"context": 300}
    with pytest.raises(SystemExit):
        parser.parse_args(["--threads", "1"])
