"""The best file of a size in the wizard, with real children on a tiny checkpoint."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QApplication, QFileDialog, QLineEdit
from pytestqt.qtbot import QtBot

from app.core import paths
from app.core.allocation_events import FileCompared
from app.gguf_file.recipe_file import read_recipe
from app.gui.pages.convert.page import ConvertPage
from app.gui.shell.window import MainWindow
from tests.gui.pages.best_size.plans import chosen
from tests.support.checkpoints.checkpoints import make_tiny_checkpoint
from tests.support.checkpoints.continuous import documentation
from tests.support.checkpoints.other_sources import make_adapter, without_gradients
from tests.support.comparisons import BETTER, NO_BETTER
from tests.support.hub.local_hub import LocalHub

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("known_machine")]

CHECK_MS, PLAN_MS, CONVERT_MS = 90_000, 180_000, 180_000
LEVELS, WITH_SPECIAL = 19, 30


@pytest.fixture
def page(window: MainWindow) -> ConvertPage:
    window.show_page("convert")
    return window.convert


@pytest.fixture
def tiny(tmp_path: Path, converter: Path) -> Path:
    return make_tiny_checkpoint(tmp_path / "tiny", layers=2)


@pytest.fixture
def text(tmp_path: Path) -> Path:
    file = tmp_path / "text.txt"
    file.write_text(documentation()[:60_000], encoding="utf-8")
    return file


def check(page: ConvertPage, qtbot: QtBot, source: Path) -> None:
    page.start_with(str(source))
    wait_for_check(page, qtbot)


def wait_for_check(page: ConvertPage, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: not page.session.is_busy, timeout=CHECK_MS)
    qtbot.waitUntil(lambda: not page.levels_step.picker.finder.is_busy, timeout=CHECK_MS)


def click(button: QAbstractButton, qtbot: QtBot) -> None:
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def button_text(button: QAbstractButton) -> str:
    return button.text()


def press_remedy(page: ConvertPage, qtbot: QtBot, words: str) -> None:
    buttons = page.notice.findChildren(QAbstractButton)
    (button,) = (one for one in buttons if one.text() == words)
    click(button, qtbot)


def choose_text(page: ConvertPage, qtbot: QtBot, text: Path) -> None:
    card = page.levels_step.size_card
    click(card.text_button, qtbot)
    line = page.levels_step.options_card.importance.text.findChild(QLineEdit)
    line.clear()
    qtbot.keyClicks(line, str(text))
    qtbot.keyClick(line, Qt.Key.Key_Return)
    wait_for_check(page, qtbot)


def test_a_size_and_ticked_levels_exclude_each_other(
    page: ConvertPage, qtbot: QtBot, tiny: Path
) -> None:
    check(page, qtbot, tiny)
    step = page.levels_step
    card, before = step.size_card, step.chosen_levels()
    assert before
    click(card.wants_size, qtbot)
    assert card.is_on
    assert step.chosen_levels() == []
    assert page.session.options.target_bytes == card.target_bytes
    click(card.wants_size, qtbot)
    assert step.chosen_levels() == before
    assert page.session.options.target_bytes is None
    click(card.wants_size, qtbot)
    step.table.item(0, 0).setCheckState(Qt.CheckState.Checked)
    assert not card.is_on
    assert step.chosen_levels() == [step.table.planned[0].level]


def test_a_plan_is_shown_before_anything_is_written(
    page: ConvertPage,
    qtbot: QtBot,
    tiny: Path,
    text: Path,
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    check(page, qtbot, tiny)
    step = page.levels_step
    card = step.size_card
    click(card.wants_size, qtbot)
    assert step.convert_button.isEnabled()
    assert card._text.whole_text == "Measured on the built-in text."
    choose_text(page, qtbot, text)
    assert card._text.whole_text == "Measured on text.txt."
    card.slider.number.setValue(1_000)
    click(card.plan_button, qtbot)
    assert card.progress.isVisible()
    qtbot.waitUntil(lambda: card.plan is not None, timeout=PLAN_MS)
    plan = card.plan
    assert plan is not None
    assert 900_000 < plan.size_bytes <= 1_000_000
    assert card.view.isVisible()
    assert "KL" in card.view.measured.whole_text
    assert f"{plan.size_bytes:,} bytes" in card.view.exact.whole_text
    assert card.view.bars.bars[0].kind in {"ffn_down", "ffn_gate", "ffn_up"}
    assert "ffn_down: " in card.view.bars.accessibleDescription()
    assert not list((home / "models").glob("*.gguf"))
    types = tmp_path / "types.txt"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(types), ""))
    click(card.view.save_button, qtbot)
    assert read_recipe(types) == plan.recipe
    assert {kind for _, kind in plan.recipe} == {one.type.lower() for one in plan.shares}
    # Another size has another plan.
    card.slider.number.setValue(900)
    assert card.plan is None
    assert not card.view.isVisible()
    assert card.plan_button.isEnabled()


def test_the_largest_size_that_fits_is_one_click_away(
    page: ConvertPage, qtbot: QtBot, tiny: Path
) -> None:
    check(page, qtbot, tiny)
    card = page.levels_step.size_card
    click(card.wants_size, qtbot)
    assert card.sizes is not None
    card.slider.number.setValue(card.sizes.least)
    qtbot.waitUntil(card.fit_button.isVisible, timeout=CHECK_MS)
    click(card.fit_button, qtbot)
    # A tiny model fits at any level.
    assert card.slider.value == card.sizes.most
    assert page.session.options.target_bytes == card.target_bytes


def test_a_size_is_refused_only_as_long_as_it_is_in_the_field(
    page: ConvertPage, qtbot: QtBot, tiny: Path
) -> None:
    check(page, qtbot, tiny)
    card = page.levels_step.size_card
    click(card.wants_size, qtbot)
    assert card.sizes is not None
    least, most = f"{card.sizes.least:,}", f"{card.sizes.most:,}"
    number, before = card.slider.number, card._bits.whole_text
    qtbot.waitUntil(card.fit_button.isVisible, timeout=CHECK_MS)
    for typed, leave in (
        ("99999", lambda: qtbot.keyClick(number, Qt.Key.Key_Return)),
        ("99999", lambda: qtbot.keyClick(number, Qt.Key.Key_Tab)),
    ):
        number.setFocus()
        number.selectAll()
        qtbot.keyClicks(number, typed)
        assert card._bits.whole_text == f"Enter a number from {least} to {most} kB."
        assert card._bits.property("tone") == "danger"
        leave()
        assert (card._bits.whole_text, card._bits.property("tone")) == (before, "plain")
    number.setFocus()
    number.selectAll()
    qtbot.keyClicks(number, "99999")
    QApplication.processEvents()
    place = card.fit_button.geometry()
    qtbot.mousePress(card.fit_button, Qt.MouseButton.LeftButton)
    number.clearFocus()
    QApplication.processEvents()
    assert card.fit_button.geometry() == place
    qtbot.mouseRelease(card.fit_button, Qt.MouseButton.LeftButton)
    assert card._bits.property("tone") == "plain"
    assert card._bits.whole_text == f"{card.bits_per_weight:.2f} bits per weight"


def test_weights_that_a_plan_needs_are_downloaded_first(
    page: ConvertPage, qtbot: QtBot, tiny: Path, text: Path, hub: LocalHub
) -> None:
    hub.add_repository("acme/tiny", tiny)
    page.start_with("acme/tiny")
    wait_for_check(page, qtbot)
    card = page.levels_step.size_card
    click(card.wants_size, qtbot)
    choose_text(page, qtbot, text)
    assert not card.plan_button.isVisible()
    assert "not downloaded yet (" in card.weights.words
    size = card.slider.value
    hub.faults.hold_after_bytes = 1000
    click(card.weights.button, qtbot)
    assert card.weights.task is not None
    assert not card.weights.button.isVisible()
    hub.release()
    qtbot.waitUntil(lambda: card.plan is not None, timeout=PLAN_MS)
    assert page.session.options.source == str(paths.checkpoints_folder() / "acme" / "tiny")
    assert card.slider.value == size
    assert card.is_on
    assert not card.weights.isVisible()
    # The level that is recommended meanwhile is not ticked.
    qtbot.waitUntil(lambda: not page.levels_step.picker.finder.is_busy, timeout=CHECK_MS)
    assert page.levels_step.recommended_level
    assert card.is_on
    assert page.levels_step.chosen_levels() == []


def test_a_download_that_fails_says_why_and_can_be_tried_again(
    page: ConvertPage, qtbot: QtBot, tiny: Path, hub: LocalHub
) -> None:
    hub.add_repository("acme/tiny", tiny)
    page.start_with("acme/tiny")
    wait_for_check(page, qtbot)
    card = page.levels_step.size_card
    click(card.wants_size, qtbot)
    hub.repositories.clear()
    click(card.weights.button, qtbot)
    qtbot.waitUntil(lambda: card.weights.task is None, timeout=CHECK_MS)
    assert "acme/tiny does not exist" in card.weights.words
    assert card.weights.button.isVisible()
    assert card.is_on


@pytest.mark.parametrize("compared", [BETTER, NO_BETTER], ids=["better", "no better"])
def test_a_plain_level_is_offered_only_if_it_is_no_worse(
    page: ConvertPage, qtbot: QtBot, tiny: Path, compared: FileCompared
) -> None:
    check(page, qtbot, tiny)
    step = page.levels_step
    card = step.size_card
    click(card.wants_size, qtbot)
    card.planner.plan, card.planner.compared = chosen(1_000_000, 0.05), compared
    card.planner.changed.emit()
    assert card.view.level_button.isVisible() == (not compared.is_better)
    if not compared.is_better:
        click(card.view.level_button, qtbot)
        assert not card.is_on
        assert step.chosen_levels() == ["Q4_0"]
        assert page.session.options.target_bytes is None


def test_the_plain_level_is_made_in_place_of_a_file_that_is_no_better(
    page: ConvertPage, qtbot: QtBot, tiny: Path, text: Path, home: Path
) -> None:
    check(page, qtbot, tiny)
    step, run = page.levels_step, page.run_step
    click(step.size_card.wants_size, qtbot)
    choose_text(page, qtbot, text)
    step.size_card.slider.number.setValue(1_000)
    click(step.convert_button, qtbot)
    qtbot.waitUntil(lambda: run.is_over, timeout=CONVERT_MS)
    assert run.heading.text() == "Done", run.notice.text
    assert "KL divergence" in run.quality.whole_text
    assert run.types.bars
    assert run.types.isVisible()
    run.plain_wanted.emit("Q4_0")
    qtbot.waitUntil(lambda: run.is_over, timeout=CONVERT_MS)
    assert not run.types.isVisible()
    assert [Path(path).name for path in run.paths()] == ["tiny-Q4_0.gguf"]
    assert not step.size_card.is_on


def test_planning_can_be_canceled(page: ConvertPage, qtbot: QtBot, tiny: Path, text: Path) -> None:
    check(page, qtbot, tiny)
    card = page.levels_step.size_card
    click(card.wants_size, qtbot)
    choose_text(page, qtbot, text)
    click(card.plan_button, qtbot)
    card.progress.canceled.emit()
    assert card.plan is None
    assert not card.planner.is_busy
    assert card.plan_button.isVisible()
    assert page.notice.isHidden()


def test_a_size_without_a_plan_replaces_nothing(
    page: ConvertPage, qtbot: QtBot, tiny: Path, text: Path, home: Path
) -> None:
    check(page, qtbot, tiny)
    step, run = page.levels_step, page.run_step
    click(step.size_card.wants_size, qtbot)
    choose_text(page, qtbot, text)
    step.size_card.slider.number.setValue(1_000)
    for count in (1, 2):
        click(step.convert_button, qtbot)
        qtbot.waitUntil(lambda: run.is_over, timeout=CONVERT_MS)
        assert run.heading.text() == "Done", run.notice.text
        assert run.chat_button.isVisible()
        assert len(list((home / "models").glob("*.gguf"))) == count
        click(run.levels_button, qtbot)
        wait_for_check(page, qtbot)
    assert step.size_card.is_on


def test_the_rounding_of_one_level_is_corrected_and_its_scales_tuned(
    page: ConvertPage, qtbot: QtBot, tiny: Path, text: Path
) -> None:
    check(page, qtbot, tiny)
    step, run = page.levels_step, page.run_step
    assert not step.size_card.tunes.isVisible()
    click(step.size_card.corrects, qtbot)
    click(step.size_card.tunes, qtbot)
    choose_text(page, qtbot, text)
    step.table.tick_only(["Q3_K_M", "Q4_K_M"])
    assert not step.convert_button.isEnabled()
    assert "one level at a time" in step.convert_button.toolTip()
    step.table.tick_only(["Q3_K_M"])
    click(step.convert_button, qtbot)
    qtbot.waitUntil(lambda: run.is_over, timeout=CONVERT_MS)
    assert run.heading.text() == "Done", run.notice.text
    (path,) = run.paths()
    assert path.endswith("tiny-Q3_K_M.gguf")
    assert {"--correct", "--tune"} <= set(page.session.options.run_arguments(["Q3_K_M"]))
    click(step.size_card.corrects, qtbot)
    assert "--tune" not in page.session.options.run_arguments(["Q3_K_M"])


def test_a_short_text_is_said_with_a_button_for_another_one(
    page: ConvertPage, qtbot: QtBot, tiny: Path, text: Path
) -> None:
    text.write_text("The miller opens the gate.\n" * 20)
    check(page, qtbot, tiny)
    card = page.levels_step.size_card
    click(card.wants_size, qtbot)
    choose_text(page, qtbot, text)
    click(card.plan_button, qtbot)
    qtbot.waitUntil(lambda: "at least 7,168 are needed" in page.notice.text, timeout=PLAN_MS)
    assert card.plan is None
    page.levels_step.options_card.set_open(False)
    press_remedy(page, qtbot, "Choose another text…")
    assert page.levels_step.options_card.is_open
    assert page.notice.isHidden()


def test_a_model_without_gradients_is_measured_by_the_engine_but_not_corrected(
    page: ConvertPage, qtbot: QtBot, tmp_path: Path, text: Path, converter: Path
) -> None:
    check(page, qtbot, without_gradients(make_tiny_checkpoint(tmp_path / "source")))
    card, run = page.levels_step.size_card, page.run_step
    click(card.wants_size, qtbot)
    click(card.corrects, qtbot)
    choose_text(page, qtbot, text)
    click(page.levels_step.convert_button, qtbot)
    qtbot.waitUntil(lambda: run.is_over, timeout=CONVERT_MS)
    assert "gradients can't be computed" in run.notice.text
    (button,) = (b for b in run.notice.findChildren(QAbstractButton) if "round" in button_text(b))
    click(button, qtbot)
    assert page.levels_step.isVisible()
    assert card.is_on
    assert not card.corrects.isChecked()
    click(page.levels_step.convert_button, qtbot)
    qtbot.waitUntil(lambda: run.heading.text() == "Done", timeout=CONVERT_MS)
    assert len(run.paths()) == 1
    (said,) = run.warnings.sentences
    assert "llama.cpp measures groups of tensors" in said


def test_adapters_and_files_have_no_size_to_choose(
    page: ConvertPage, qtbot: QtBot, tmp_path: Path, tiny: Path
) -> None:
    check(page, qtbot, tiny)
    card = page.levels_step.size_card
    assert card.isVisibleTo(page.levels_step)
    check(page, qtbot, make_adapter(tmp_path / "adapter", str(tiny)))
    assert not card.isVisibleTo(page.levels_step)
