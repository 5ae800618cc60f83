"""An engine that is killed under a reply: its sentence stands in one place."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from app.gui.services.engine import EngineFailed, EngineReady
from app.gui.shell.window import MainWindow
from tests.support.engine.tiny_model import write_tiny_model

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the fault is a signal")
LOAD_MS = 60_000
CONTEXT = 16_384


def test_the_reason_is_told_once(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    engine, session = window._workbench.engine, window.chat.session
    model = write_tiny_model(tmp_path / "tiny.gguf", context=CONTEXT)
    engine.load(str(model), "tiny")
    qtbot.waitUntil(lambda: isinstance(engine.state, EngineReady), timeout=LOAD_MS)
    assert session.send("Tell me a story without an end.")
    os.kill(engine.process_id, signal.SIGKILL)
    qtbot.waitUntil(lambda: isinstance(engine.state, EngineFailed), timeout=LOAD_MS)
    qtbot.waitUntil(lambda: not session.is_replying, timeout=LOAD_MS)
    assert isinstance(engine.state, EngineFailed)
    assert session.messages[-1].reason == engine.state.sentence
    labels = [label for label in window.findChildren(QLabel) if label.isVisible()]
    assert sum("stopped unexpectedly" in label.text() for label in labels) == 1
    assert window.chat.notice.text == "tiny is not loaded."
