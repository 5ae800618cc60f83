"""The main job from the first click to the reply, with real widgets, children, HTTP and weights."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.gui.services.engine import EngineFailed, EngineReady
from app.gui.shell.window import MainWindow
from tests.support.checkpoints.checkpoints import smollm2_checkpoint
from tests.support.hub.local_hub import LocalHub

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("known_machine")]

REPOSITORY = "HuggingFaceTB/SmolLM2-135M-Instruct"
QUESTION = "Tell me the capital of France."
# A reply may become long, and two threads of ggml on two busy cores are slow.
DOWNLOAD_MS, CONVERT_MS, LOAD_MS, REPLY_MS, END_MS = 120_000, 240_000, 120_000, 240_000, 20_000


@pytest.fixture
def hub(hub: LocalHub) -> LocalHub:
    hub.add_repository(REPOSITORY, smollm2_checkpoint(shards=2))
    return hub


def download(window: MainWindow, qtbot: QtBot) -> None:
    window.show_page("models")
    models = window.models
    qtbot.keyClicks(models.repository, REPOSITORY)
    qtbot.mouseClick(models.download_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "is downloaded" in models.notice.text, timeout=DOWNLOAD_MS)


def convert(window: MainWindow, qtbot: QtBot, levels: list[str]) -> None:
    models, convert = window.models, window.convert
    models.notice.acted.emit("convert")
    step = convert.levels_step
    qtbot.waitUntil(lambda: step.table.rowCount() == 19, timeout=CONVERT_MS)
    for row in range(step.table.rowCount()):
        item = step.table.item(row, 0)
        is_wanted = item.text() in levels
        item.setCheckState(Qt.CheckState.Checked if is_wanted else Qt.CheckState.Unchecked)
    promised = {
        planned.target: planned.size_bytes
        for planned in step.table.planned
        if planned.level in levels
    }
    qtbot.mouseClick(step.convert_button, Qt.MouseButton.LeftButton)
    run = convert.run_step
    qtbot.waitUntil(run.chat_button.isVisible, timeout=CONVERT_MS)
    assert len(promised) == len(levels)
    for path, size_bytes in promised.items():
        assert Path(path).stat().st_size == size_bytes


def ask(window: MainWindow, qtbot: QtBot, question: str) -> None:
    field = window.chat.composer.focusProxy()
    qtbot.keyClicks(field, question)
    qtbot.keyClick(field, Qt.Key.Key_Return)


def reply_to(window: MainWindow, qtbot: QtBot, question: str) -> str:
    ask(window, qtbot, question)
    qtbot.waitUntil(lambda: not window.chat.session.is_replying, timeout=REPLY_MS)
    return window.chat.messages.text_of_last()


def test_the_main_job(window: MainWindow, qtbot: QtBot, hub: LocalHub, home: Path) -> None:
    download(window, qtbot)
    convert(window, qtbot, ["Q4_K_M", "Q8_0"])
    assert sorted(path.name for path in (home / "models").glob("*.gguf")) == [
        "SmolLM2-135M-Instruct-Q4_K_M.gguf",
        "SmolLM2-135M-Instruct-Q8_0.gguf",
    ]

    qtbot.mouseClick(window.convert.run_step.chat_button, Qt.MouseButton.LeftButton)
    engine = window._workbench.engine
    qtbot.waitUntil(lambda: isinstance(engine.state, EngineReady), timeout=LOAD_MS)
    replies = []
    while not any("Paris" in reply for reply in replies) and len(replies) < 8:
        window.chat.start_new()
        replies.append(reply_to(window, qtbot, QUESTION))
    assert "Paris" in replies[-1]
    last = window.chat.session.messages[-1]
    assert last.state == "complete"
    assert last.tokens_per_second > 0

    ask(window, qtbot, "Write a very long story about a miller and his cat.")
    qtbot.waitUntil(lambda: len(window.chat.messages.text_of_last()) > 40, timeout=REPLY_MS)
    os.kill(engine.process_id, signal.SIGKILL)
    qtbot.waitUntil(lambda: isinstance(engine.state, EngineFailed), timeout=END_MS)
    qtbot.waitUntil(lambda: not window.chat.session.is_replying, timeout=END_MS)
    kept = window.chat.session.messages[-1]
    assert kept.state == "failed"
    assert "SIGKILL" in kept.reason
    assert len(kept.text) > 40
    assert window.chat.messages.text_of_last() == kept.text
    # The message gives the reason; the notice says only what it means for the next one.
    assert "is not loaded" in window.chat.notice.text

    window.chat.start_new()
    assert reply_to(window, qtbot, QUESTION)
    assert window.chat.session.messages[-1].state == "complete"
    assert isinstance(engine.state, EngineReady)
