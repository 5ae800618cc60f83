"""From the slider of a size over the plan to a file of exactly that size, and a chat with it."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLineEdit
from pytestqt.qtbot import QtBot

from app.gguf_file.header_reader import read_header
from app.gguf_file.tensor_types import type_name
from app.gui.services.engine import EngineReady
from app.gui.shell.window import MainWindow
from tests.support.checkpoints.checkpoints import make_tiny_checkpoint
from tests.support.checkpoints.continuous import documentation

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("known_machine")]

CHECK_MS, PLAN_MS, CONVERT_MS, LOAD_MS = 120_000, 240_000, 240_000, 120_000


def test_a_size_is_chosen_planned_made_and_chatted_with(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    source = make_tiny_checkpoint(tmp_path / "tiny", layers=2)
    text = tmp_path / "text.txt"
    text.write_text(documentation()[:60_000], encoding="utf-8")
    window.show_page("convert")
    page = window.convert
    step, run = page.levels_step, page.run_step
    card = step.size_card
    page.start_with(str(source))
    qtbot.waitUntil(lambda: bool(step.chosen_levels()), timeout=CHECK_MS)
    qtbot.waitUntil(lambda: not page.session.is_busy, timeout=CHECK_MS)

    qtbot.mouseClick(card.wants_size, Qt.MouseButton.LeftButton)
    qtbot.mouseClick(card.text_button, Qt.MouseButton.LeftButton)
    field = step.options_card.importance.text.findChild(QLineEdit)
    qtbot.keyClicks(field, str(text))
    qtbot.keyClick(field, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: not page.session.is_busy, timeout=CHECK_MS)
    before = card.slider.value
    for _ in range(5):
        qtbot.keyClick(card.slider.slider, Qt.Key.Key_Left)
    assert card.slider.value < before
    target_bytes = card.target_bytes
    assert target_bytes is not None
    assert target_bytes == page.session.options.target_bytes

    qtbot.mouseClick(card.plan_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: card.plan is not None, timeout=PLAN_MS)
    plan = card.plan
    assert plan is not None
    assert card.view.isVisible()
    assert not Path(plan.target).exists()

    qtbot.mouseClick(step.convert_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(run.chat_button.isVisible, timeout=CONVERT_MS)
    file = Path(plan.target)
    assert file.stat().st_size == plan.size_bytes <= target_bytes
    written = {type_name(one.type_number) for one in read_header(file).tensors if one.shape[1:]}
    assert written == {share.type for share in plan.shares}

    qtbot.mouseClick(run.chat_button, Qt.MouseButton.LeftButton)
    engine = window._workbench.engine
    qtbot.waitUntil(lambda: isinstance(engine.state, EngineReady), timeout=LOAD_MS)
    assert window.chat.isVisible()
