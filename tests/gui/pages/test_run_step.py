"""The run step: steps over the whole, words for tensors, and what can be done at the end."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QPlainTextEdit, QPushButton
from pytestqt.qtbot import QtBot

from app.core.allocation_events import FileCompared
from app.core.compared_words import compared_in_words
from app.core.errors import ErrorCode
from app.core.events import Failed, Finished, Progressed
from app.gui.children.task import Task
from app.gui.pages.convert.conversion_run import ConversionRun, Step, conversion_steps
from app.gui.pages.convert.run_step import RunStep
from app.gui.pages.convert.task_row import TaskRow
from app.gui.shell.window import MainWindow
from app.gui.theme.theme import Theme
from app.gui.widgets.text_dialog import TextDialog
from app.jobs.outcome import EXIT_CANCELED, EXIT_FAILED, ProcessOutcome
from tests.gui.widgets.conftest import nothing_left, theme
from tests.support.comparisons import BETTER, NO_BETTER

__all__ = ["nothing_left", "theme"]


def kinds(steps: tuple[Step, ...]) -> tuple[str, ...]:
    return tuple(step.progress for step in steps)


WITH_MATRIX = conversion_steps(makes_matrix=True)


@pytest.fixture
def task() -> Task:
    task = Task("convert", "model → Q4_K_M", ("convert",), steps=kinds(conversion_steps()))
    task.state = "running"
    return task


def progress(task: Task, step: str, done: int, detail: str = "") -> None:
    task._on_received(Progressed(step, done, 100, detail))


def test_a_bar_goes_over_all_steps_of_a_task(theme: Theme, qtbot: QtBot, task: Task) -> None:
    task.steps = kinds(WITH_MATRIX)
    row = TaskRow(theme, task, WITH_MATRIX, first=2, total=4)
    qtbot.addWidget(row)
    shown = []
    for step, done in (("convert", 100), ("calibrate", 50), ("plan", 0), ("convert", 100)):
        progress(task, step, done)
        shown.append((row._detail.whole_text, round(row._bar.value() / row._bar.maximum(), 2)))
    assert shown == [
        ("2 of 4: Preparing the importance matrix", 0.33),
        ("3 of 4: Making the importance matrix", 0.5),
        ("3 of 4: Making the importance matrix", 0.5),
        ("4 of 4: Converting", 1.0),
    ]


@pytest.mark.parametrize(
    ("tensor", "words"),
    [
        ("blk.11.ffn_down.weight", "Converting · layer 12"),
        ("v.blk.0.attn_q.weight", "Converting · layer 1"),
        ("token_embd.weight", "Converting · token embeddings"),
        ("output.weight", "Converting · output layer"),
        ("rope_freqs.weight", "Converting"),
    ],
)
def test_tensors_are_told_in_words(
    theme: Theme, qtbot: QtBot, task: Task, tensor: str, words: str
) -> None:
    row = TaskRow(theme, task, conversion_steps())
    qtbot.addWidget(row)
    progress(task, "convert", 10, tensor)
    assert row._detail.whole_text == words


def test_what_was_canceled_is_no_failure(theme: Theme, qtbot: QtBot, task: Task) -> None:
    row = TaskRow(theme, task, conversion_steps())
    qtbot.addWidget(row)
    task._on_ended(ProcessOutcome(EXIT_CANCELED))
    assert row._end.property("tone") == "plain"
    assert row._bar.property("state") == "canceled"


def run_of(task: Task, levels: tuple[str, ...], favorite: str) -> ConversionRun:
    steps: tuple[Step, ...] = conversion_steps()
    return ConversionRun("model", ((task, steps),), task, levels, favorite, "gristmill convert")


def finish(task: Task, folder: Path, levels: tuple[str, ...]) -> list[str]:
    files = [folder / f"model-{level}.gguf" for level in levels]
    for file in files:
        file.write_bytes(b"GGUF")
    task._on_received(Finished(tuple(map(str, files))))
    task._on_ended(ProcessOutcome(0))
    return [str(file) for file in files]


@pytest.fixture
def step(window: MainWindow) -> RunStep:
    window.show_page("convert")
    window.convert._show_step(2)
    return window.convert.run_step


def test_of_several_levels_each_can_be_chatted_with(
    step: RunStep, qtbot: QtBot, task: Task, tmp_path: Path
) -> None:
    step.follow(run_of(task, ("Q4_K_M", "Q6_K"), "Q6_K"))
    small, large = finish(task, tmp_path, ("Q4_K_M", "Q6_K"))
    assert step.chat_button.text() == "Chat with Q6_K"
    with qtbot.waitSignal(step.chat_requested) as asked:
        qtbot.mouseClick(step.chat_button, Qt.MouseButton.LeftButton)
    assert asked.args == [large]
    buttons = {b.accessibleName(): b for b in step.results.findChildren(QPushButton)}
    with qtbot.waitSignal(step.chat_requested) as asked:
        qtbot.mouseClick(buttons["Chat with Q4_K_M"], Qt.MouseButton.LeftButton)
    assert asked.args == [small]


def test_a_single_level_needs_no_name(step: RunStep, task: Task, tmp_path: Path) -> None:
    step.follow(run_of(task, ("Q4_K_M",), "Q6_K"))
    finish(task, tmp_path, ("Q4_K_M",))
    assert step.chat_button.text() == "Chat now"
    assert step.chat_button.hasFocus()
    assert not step.results.findChildren(QPushButton)
    assert not step.again_button.isVisible()


def test_the_steps_of_a_measured_file_are_named_in_their_order(
    theme: Theme, qtbot: QtBot, task: Task
) -> None:
    steps = conversion_steps(chooses_types=True, corrects=True)
    task.steps = kinds(steps)
    row = TaskRow(theme, task, steps, total=len(steps))
    qtbot.addWidget(row)
    shown = []
    for kind in ("sensitivity", "comparison", "rounding", "comparison", "plan", "convert"):
        progress(task, kind, 50)
        shown.append((row._detail.whole_text, round(row._bar.value() / row._bar.maximum(), 2)))
    assert shown == [
        ("1 of 5: Measuring how much errors matter", 0.1),
        ("2 of 5: Checking the chosen types on other text", 0.3),
        ("3 of 5: Correcting the rounding", 0.5),
        ("4 of 5: Checking the result on other text", 0.7),
        ("4 of 5: Checking the result on other text", 0.7),
        ("5 of 5: Converting", 0.9),
    ]


@pytest.mark.parametrize(("compared", "level"), [(BETTER, ""), (NO_BETTER, "Q4_0")])
def test_the_quality_is_shown_and_the_plain_level_offered_if_it_is_no_worse(
    step: RunStep, qtbot: QtBot, task: Task, tmp_path: Path, compared: FileCompared, level: str
) -> None:
    step.follow(run_of(task, ("549 MB",), ""))
    task._on_received(compared)
    assert not step.quality.isVisible()
    finish(task, tmp_path, ("549 MB",))
    assert step.quality.whole_text == compared_in_words(compared)
    assert step.quality.isVisible()
    assert step.plain_button.isVisible() == bool(level)
    if level:
        assert step.plain_button.text() == "Convert to Q4_0 instead"
        with qtbot.waitSignal(step.plain_wanted) as asked:
            qtbot.mouseClick(step.plain_button, Qt.MouseButton.LeftButton)
        assert asked.args == [level]


def test_another_source_replaces_the_last(
    window: MainWindow, qtbot: QtBot, step: RunStep, task: Task, tmp_path: Path
) -> None:
    window.convert.source_step.set_source("/models/tiny")
    step.follow(run_of(task, ("Q4_K_M",), "Q4_K_M"))
    finish(task, tmp_path, ("Q4_K_M",))
    qtbot.mouseClick(step.another_button, Qt.MouseButton.LeftButton)
    field = window.convert.source_step.source
    line = field.focusProxy()
    assert line.hasFocus()
    qtbot.keyClicks(line, "owner/name")
    assert field.path == "owner/name"


def test_a_log_opens_at_its_end_and_follows_the_keyboard(
    step: RunStep, qtbot: QtBot, task: Task
) -> None:
    step.follow(run_of(task, ("Q4_K_M",), "Q4_K_M"))
    task._child.log.extend(f"line {number}" for number in range(400))
    task._on_received(Failed(ErrorCode.CONVERTER_FAILED, {"reason": "it stopped"}))
    task._on_ended(ProcessOutcome(EXIT_FAILED))
    assert "the log has the details" in step.notice.text
    (button,) = [one for one in step.notice.findChildren(QPushButton) if one.text() == "Show log"]
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    dialog = QApplication.activeModalWidget()
    assert isinstance(dialog, TextDialog)
    (view,) = dialog.findChildren(QPlainTextEdit)
    bar = view.verticalScrollBar()
    assert bar.value() == bar.maximum() > 0
    control = Qt.KeyboardModifier.ControlModifier
    qtbot.keyClick(view, Qt.Key.Key_Home, control)
    assert bar.value() == 0
    qtbot.keyClick(view, Qt.Key.Key_End, control)
    assert bar.value() == bar.maximum()
    dialog.reject()


def test_no_log_is_spoken_of_where_there_is_none(step: RunStep, task: Task) -> None:
    step.follow(run_of(task, ("Q4_K_M",), "Q4_K_M"))
    task._on_received(Failed(ErrorCode.CONVERTER_FAILED, {"reason": "it stopped"}))
    task._on_ended(ProcessOutcome(EXIT_FAILED))
    assert step.notice.text == "llama.cpp's converter failed: it stopped. Nothing was written."
    assert not step.notice.findChildren(QPushButton)
