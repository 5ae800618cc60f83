"""Arguments that no verb has, and levels that llama.cpp doesn't have."""

from __future__ import annotations

import pytest

from app.cli.main import run_command_line
from app.jobs.outcome import EXIT_USAGE


@pytest.mark.parametrize(
    ("arguments", "usage"),
    [
        (("get", "acme/grain", "--bogus"), "gristmill get "),
        (("models", "--bogus"), "gristmill models "),
        (("models", "list", "--bogus", "."), "gristmill models list "),
        (("search", "--bogus"), "gristmill search "),
    ],
)
def test_an_unknown_option_shows_the_usage_of_its_verb(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], usage: str
) -> None:
    with pytest.raises(SystemExit) as caught:
        run_command_line(list(arguments))
    assert caught.value.code == EXIT_USAGE
    errors = capsys.readouterr().err
    assert errors.startswith(f"usage: {usage}")
    assert errors.splitlines()[-1] == f"{usage.strip()}: error: unknown arguments: --bogus"


@pytest.mark.parametrize("verb", ["get", "convert"])
def test_an_unknown_level_leads_to_the_known_ones(
    capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    with pytest.raises(SystemExit) as caught:
        run_command_line([verb, "acme/grain", "--level", "Q99"])
    assert caught.value.code == EXIT_USAGE
    sentence = capsys.readouterr().err.splitlines()[-1]
    assert "“Q99” is not a quantization level of llama.cpp; choose one of IQ1_S, " in sentence
    assert sentence.endswith(" F32, MXFP4_MOE, COPY")


@pytest.mark.parametrize("verb", [("get", "acme/grain"), ("convert", "acme/grain"), ("worker",)])
@pytest.mark.parametrize("count", ["0", "1025"])
def test_a_number_of_threads_has_sensible_bounds(
    capsys: pytest.CaptureFixture[str], verb: tuple[str, ...], count: str
) -> None:
    with pytest.raises(SystemExit) as caught:
        run_command_line([*verb, "--threads", count])
    assert caught.value.code == EXIT_USAGE
    sentence = capsys.readouterr().err.splitlines()[-1]
    assert sentence.endswith(f"“{count}” is not a whole number from 1 to 1,024")


@pytest.mark.parametrize(
    "arguments",
    [
        ("convert", "acme/grain", "--to", "-"),
        ("convert", "acme/grain", "--types-to", "-"),
        ("get", "acme/grain", "--to", "-"),
        ("download", "acme/grain", "--to", "-"),
        ("models", "edit", "grain.gguf", "--to", "-"),
    ],
)
def test_no_file_is_named_like_standard_output(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    with pytest.raises(SystemExit) as caught:
        run_command_line(list(arguments))
    assert caught.value.code == EXIT_USAGE
    assert "“-” means standard output" in capsys.readouterr().err.splitlines()[-1]
