"""Arguments of conversions, which the command line itself must accept."""

from __future__ import annotations

import shlex
from argparse import ArgumentParser
from dataclasses import replace
from pathlib import Path

import pytest

from app.cli import convert
from app.gguf_file.type_patterns import pattern_error
from app.gui.pages.convert.conversion_options import (
    ConversionOptions,
    command_lines,
    expanded_path,
    measured_text,
    measuring_fault,
    path_exists,
    projector_path_for,
)

ALL = ConversionOptions(
    source="/models/A Model",
    importance_kind="text",
    importance_path="/texts/some text.txt",
    overrides=(("-ffn=down", "q8_0"), (r"blk\.\d+\.attn_v", "q6_K")),
    output_type="q6_K",
    embedding_type="q8_0",
    threads=3,
    uses_reference_code=True,
    folder="/out",
    base="/base",
    allows_pickle=True,
    requantizes=True,
    wants_projector=True,
)


def test_nothing_is_said_that_was_not_wished() -> None:
    plain = ConversionOptions("/models/m")
    assert plain.check_arguments() == ("/models/m", "--dry-run")
    assert plain.run_arguments(["Q4_K_M"]) == ("/models/m", "--level", "Q4_K_M", "--overwrite")


def test_the_check_is_told_what_changes_the_plan() -> None:
    assert ALL.check_arguments() == (
        "/models/A Model",
        "--calibration",
        "/texts/some text.txt",
        "--type=-ffn=down=q8_0",
        r"--type=blk\.\d+\.attn_v=q6_K",
        "--output-type",
        "q6_K",
        "--embedding-type",
        "q8_0",
        "--base",
        "/base",
        "--to",
        "/out",
        "--allow-pickle",
        "--requantize",
        "--dry-run",
    )


def test_the_projector_has_no_use_for_types() -> None:
    assert ALL.projector_arguments() == (
        "/models/A Model",
        "--mmproj",
        "--level",
        "F16",
        "--base",
        "/base",
        "--to",
        "/out",
        "--allow-pickle",
        "--requantize",
        "--threads",
        "3",
        "--reference",
        "--overwrite",
    )


def test_an_importance_matrix_without_a_file_is_none() -> None:
    options = ConversionOptions("m", importance_kind="file")
    assert not options.has_importance
    assert options.check_arguments() == ("m", "--dry-run")
    matrix = ConversionOptions("m", importance_kind="file", importance_path="/i.dat")
    assert matrix.check_arguments() == ("m", "--imatrix", "/i.dat", "--dry-run")


def test_the_builtin_text_has_no_path() -> None:
    options = ConversionOptions("m", importance_kind="builtin")
    assert options.has_importance
    assert options.makes_importance
    assert options.has_types
    assert options.check_arguments() == ("m", "--calibration", "builtin", "--dry-run")
    assert not ConversionOptions("m", importance_kind="text").makes_importance
    assert not ConversionOptions("m", "file", "/i.dat").makes_importance
    assert not ConversionOptions("m").makes_importance


def test_another_source_keeps_what_holds_for_any() -> None:
    assert ALL.for_source("other") == ConversionOptions(
        "other", threads=3, uses_reference_code=True, folder="/out"
    )


def test_the_command_line_reads_the_wishes_as_they_were_meant() -> None:
    first, second = command_lines(ALL, ["Q4_K_M", "IQ2_XXS"]).splitlines()
    parser = ArgumentParser()
    convert.add_arguments(parser)
    words = shlex.split(first)
    assert words[:2] == ["gristmill", "convert"]
    assert tuple(words[2:]) == ALL.run_arguments(["Q4_K_M", "IQ2_XXS"])
    parsed = parser.parse_args(words[2:])
    assert parsed.source == "/models/A Model"
    assert parsed.level == ["Q4_K_M", "IQ2_XXS"]
    assert parsed.calibration == Path("/texts/some text.txt")
    assert parsed.type == list(ALL.overrides)
    assert (parsed.output_type, parsed.embedding_type) == ("q6_K", "q8_0")
    assert (parsed.threads, parsed.reference, parsed.allow_pickle) == (3, True, True)
    assert (parsed.to, parsed.base) == (Path("/out"), Path("/base"))
    assert parser.parse_args(shlex.split(second)[2:]).mmproj


def test_the_projector_lies_beside_the_model() -> None:
    assert projector_path_for("/out/gemma-Q4_K_M.gguf", "Q4_K_M") == "/out/mmproj-gemma-F16.gguf"


def test_paths_are_written_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert expanded_path("~/models") == str(tmp_path / "models")
    assert expanded_path("models") == str(tmp_path / "models")
    assert expanded_path("") == ""


@pytest.mark.parametrize("text", ["", "~nobody-of-that-name/x", "x" * 5000, "a\0b", "/nowhere/x"])
def test_odd_texts_are_no_paths(text: str) -> None:
    assert not path_exists(text)


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("ffn_down", ""),
        (r"blk\.(?:1|2)\.", ""),
        (r"\(?x", ""),
        ("attn_(v", "unterminated"),
        ("*", "nothing to repeat"),
        ("a{99999999999}", "too large"),
        ("(?P<n>x)", "(?P"),
        ("(?i)x", "(?i"),
    ],
)
def test_what_is_wrong_with_a_pattern_is_said(pattern: str, words: str) -> None:
    reason = pattern_error(pattern)
    assert bool(reason) == bool(words)
    assert words in reason


SIZED = ConversionOptions("/models/m", target_bytes=4_200_000_000, threads=3, folder="/out")
WITH_TEXT = replace(SIZED, importance_kind="text", importance_path="/text")


def test_a_size_takes_the_place_of_levels() -> None:
    size = ("/models/m", "--target-size", "4200000000", "--calibration", "/text", "--to", "/out")
    assert WITH_TEXT.run_arguments(["Q4_K_M"]) == (*size, "--threads", "3", "--overwrite")
    assert WITH_TEXT.plan_arguments() == (*size, "--threads", "3", "--dry-run")
    corrected = replace(WITH_TEXT, corrects=True)
    assert "--correct" in corrected.run_arguments([])
    assert "--correct" in corrected.plan_arguments()


def test_models_are_measured_on_the_built_in_text_unless_another_is_chosen() -> None:
    for options in (SIZED, replace(SIZED, importance_kind="builtin")):
        arguments = options.run_arguments([])
        assert arguments[arguments.index("--calibration") + 1] == "builtin"
        assert measured_text(options) == "Measured on the built-in text."
    assert "--calibration" not in SIZED.check_arguments()
    assert measured_text(WITH_TEXT) == "Measured on text."


def test_the_levels_are_checked_without_a_size() -> None:
    corrected = replace(WITH_TEXT, corrects=True)
    assert corrected.check_arguments() == replace(WITH_TEXT, target_bytes=None).check_arguments()


def test_the_command_line_understands_a_size() -> None:
    parser = ArgumentParser()
    convert.add_arguments(parser)
    for arguments in (WITH_TEXT.plan_arguments(), WITH_TEXT.run_arguments([])):
        assert parser.parse_args(arguments).target_size == 4_200_000_000


def test_a_size_and_corrected_rounding_are_for_one_source_only() -> None:
    chosen = replace(SIZED, corrects=True).for_source("/models/other")
    assert not chosen.measures_model


@pytest.mark.parametrize(
    ("options", "levels", "fault"),
    [
        (ConversionOptions("/m"), ["Q4_K_M", "F16"], ""),
        (SIZED, [], ""),
        (
            replace(SIZED, importance_kind="file", importance_path="/matrix"),
            [],
            "The model is measured on a text; choose one.",
        ),
        (WITH_TEXT, [], ""),
        (replace(WITH_TEXT, corrects=True), [], ""),
        (
            replace(WITH_TEXT, target_bytes=None, corrects=True),
            ["Q4_K_M", "Q5_K_M"],
            "Rounding is corrected for one level at a time.",
        ),
        (
            replace(WITH_TEXT, target_bytes=None, corrects=True),
            ["IQ2_M"],
            "Rounding is corrected for the levels from Q2_K to Q8_0.",
        ),
        (replace(WITH_TEXT, target_bytes=None, corrects=True), ["Q4_K_M"], ""),
    ],
)
def test_what_can_not_be_measured_has_a_reason(
    options: ConversionOptions, levels: list[str], fault: str
) -> None:
    assert measuring_fault(options, levels) == fault
