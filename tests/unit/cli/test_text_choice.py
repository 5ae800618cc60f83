"""The text that an argument chooses."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path

import pytest

from app.cli import convert, get, measure
from app.cli.text_choice import BUILTIN, dataset_of, text_choice


def test_the_word_is_the_builtin_text_and_a_path_is_a_file(tmp_path: Path) -> None:
    assert text_choice("builtin") == BUILTIN
    assert dataset_of(text_choice("builtin")) == "gristmill-builtin"
    assert text_choice(str(tmp_path / "builtin")) == tmp_path / "builtin"
    assert dataset_of(text_choice(str(tmp_path / "wiki.txt"))) == "wiki.txt"


def test_a_file_of_that_name_is_still_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    chosen = text_choice("./builtin")
    assert chosen != BUILTIN
    assert chosen == Path.cwd() / "builtin"
    assert dataset_of(chosen) == "builtin"


@pytest.mark.parametrize("verb", [convert, get])
def test_conversions_take_it(verb: object) -> None:
    parser = ArgumentParser()
    verb.add_arguments(parser)  # type: ignore[attr-defined]
    assert parser.parse_args(["x", "--calibration", "builtin"]).calibration == BUILTIN
    assert parser.parse_args(["x"]).calibration is None


def test_measurements_take_it_unless_a_text_is_given() -> None:
    parser = ArgumentParser()
    measure.add_arguments(parser)
    assert parser.parse_args(["x"]).text == BUILTIN
    assert parser.parse_args(["x", "--text", "builtin"]).text == BUILTIN
    assert parser.parse_args(["x", "--text", "a.txt"]).text == Path("a.txt")
