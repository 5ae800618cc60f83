"""Save types from the window as lists that `--types-from` reads."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtWidgets import QFileDialog, QWidget
from pytestqt.qtbot import QtBot

from app.gguf_file.recipe_file import read_recipe
from app.gui.recipes.recipe_saver import RecipeSaver

RECIPE = ((r"^blk\.\d+\.ffn_down\.weight$", "q6_k"),)


@pytest.fixture
def saver(qtbot: QtBot) -> RecipeSaver:
    window = QWidget()
    qtbot.addWidget(window)
    return RecipeSaver(window)


@pytest.mark.parametrize(("name", "written"), [("a.txt", "a.txt"), ("a", "a.types.txt")])
def test_what_is_saved_can_be_read(
    saver: RecipeSaver, qtbot: QtBot, tmp_path: Path, name: str, written: str
) -> None:
    with qtbot.waitSignal(saver.saved) as said:
        saver.save_to(tmp_path / name, RECIPE)
    assert read_recipe(tmp_path / written) == RECIPE
    assert written in said.args[0]


def test_what_can_not_be_saved_is_said(saver: RecipeSaver, qtbot: QtBot, tmp_path: Path) -> None:
    (tmp_path / "a.txt").mkdir()
    with qtbot.waitSignal(saver.failed) as said:
        saver.save_to(tmp_path / "a.txt", RECIPE)
    assert str(tmp_path) in said.args[0]


@pytest.mark.parametrize("is_there", [True, False])
def test_the_list_is_offered_beside_the_model_or_at_home(
    saver: RecipeSaver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_there: bool
) -> None:
    asked: list[str] = []

    def choose(_parent: QWidget, _title: str, suggested: str, _filter: str) -> tuple[str, str]:
        asked.append(suggested)
        return "", ""

    monkeypatch.setattr(QFileDialog, "getSaveFileName", choose)
    folder = tmp_path if is_there else tmp_path / "absent"
    saver.ask(str(folder / "Grain-4.25bpw-Q4_K_M.gguf"), RECIPE)
    expected = tmp_path if is_there else Path.home()
    assert asked == [str(expected / "Grain-4.25bpw-Q4_K_M.types.txt")]
    assert not list(tmp_path.glob("*.txt"))
