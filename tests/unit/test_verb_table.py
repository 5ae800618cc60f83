"""The table of verbs in app/cli/README.md, which is written from the parsers."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from app.core.load_options import LOAD_FIELDS, flag_of

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "packaging"))

import verb_table

_EMPTY = f"# Verbs\n\n{verb_table.BEGIN}\n{verb_table.END}\n\nAfter.\n"


def test_the_file_of_the_checkout_is_up_to_date() -> None:
    assert verb_table.main(["--check"]) == 0


def test_the_table_is_written_between_the_markers(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(_EMPTY)
    assert verb_table.update(readme, is_check=False) == 0
    written = readme.read_text("utf-8")
    assert written.startswith(f"# Verbs\n\n{verb_table.BEGIN}\n")
    assert written.endswith(f"{verb_table.END}\n\nAfter.\n")
    assert verb_table.verb_table() in written
    assert verb_table.update(readme, is_check=True) == 0


def test_a_check_says_what_to_run_and_changes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(_EMPTY)
    assert verb_table.update(readme, is_check=True) == 1
    assert readme.read_text() == _EMPTY
    said = capsys.readouterr().err
    assert said == f"{readme} is out of date; run “python packaging/verb_table.py”.\n"


@pytest.mark.parametrize(("text", "lacking"), [("", "BEGIN"), (verb_table.BEGIN, "END")])
def test_a_file_without_a_marker_is_not_touched(tmp_path: Path, text: str, lacking: str) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(text)
    with pytest.raises(ValueError, match=getattr(verb_table, lacking)):
        verb_table.update(readme, is_check=False)
    assert readme.read_text() == text


def test_every_verb_and_load_option_has_its_line() -> None:
    table = verb_table.verb_table()
    assert "| `--include, --level PATTERN` | download only these GGUF files:" in table
    assert r"a pattern such as \*Q8_0\* |" in table
    assert r"| `--use chat\|long_context\|edge\|quality\|smallest\|server` |" in table
    assert "| `[FOLDER …]` |" in table
    assert "| `--[no-]memory-lock` |" in table
    assert "for the recommended level; default: chat |" in table
    for field in LOAD_FIELDS:
        flag = flag_of(field)
        assert f"| `{flag}" in table or f"| `--[no-]{flag.removeprefix('--')}`" in table


def test_what_people_do_not_use_is_left_out() -> None:
    table = verb_table.verb_table()
    assert "--profile" not in table
    assert "dry-load" not in table
