"""From the name of a repository to a reply of the converted model, counting the clicks."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from app.gui.services.engine import EngineReady
from app.gui.shell.window import MainWindow
from tests.support.checkpoints.checkpoints import smollm2_checkpoint
from tests.support.hub.local_hub import LocalHub

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("known_machine")]

REPOSITORY = "acme/SmolLM2-135M-Instruct"
CHECK_MS, CONVERT_MS, LOAD_MS, REPLY_MS = 120_000, 240_000, 120_000, 240_000


@pytest.fixture
def hub(hub: LocalHub) -> LocalHub:
    hub.add_repository(REPOSITORY, smollm2_checkpoint(shards=2))
    return hub


def test_three_clicks_from_a_name_to_a_reply(
    window: MainWindow, qtbot: QtBot, hub: LocalHub
) -> None:
    clicked: list[QWidget] = []

    def click(widget: QWidget) -> None:
        clicked.append(widget)
        qtbot.mouseClick(widget, Qt.MouseButton.LeftButton)

    def type_and_enter(text: str) -> None:
        focused = QApplication.focusWidget()
        assert focused is not None
        qtbot.keyClicks(focused, text)
        qtbot.keyClick(focused, Qt.Key.Key_Return)

    (entry,) = (b for b in window.rail.findChildren(QWidget) if b.accessibleName() == "Convert")
    click(entry)
    type_and_enter(REPOSITORY)
    step, run = window.convert.levels_step, window.convert.run_step
    qtbot.waitUntil(lambda: step.convert_button.isEnabled() and step.isVisible(), timeout=CHECK_MS)
    qtbot.waitUntil(lambda: bool(step.chosen_levels()), timeout=CHECK_MS)
    assert hub.sent_bytes(".safetensors") < 1_000_000
    click(step.convert_button)
    qtbot.waitUntil(run.chat_button.isVisible, timeout=CONVERT_MS)
    assert run.heading.text() == "Done"
    click(run.chat_button)
    assert window.chat.isVisible()
    type_and_enter("What is the capital of France?")
    qtbot.waitUntil(
        lambda: isinstance(window._workbench.engine.state, EngineReady), timeout=LOAD_MS
    )
    session = window.chat.session
    qtbot.waitUntil(lambda: bool(session.messages) and not session.is_replying, timeout=REPLY_MS)
    assert session.messages[-1].role == "assistant"
    assert session.messages[-1].text
    assert len(clicked) == 3
