"""What a loaded model takes is shown next to what was estimated for it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app.gui.services.engine import EngineReady
from app.gui.shell.window import MainWindow
from tests.support.engine.tiny_model import write_tiny_model

pytestmark = pytest.mark.slow


def test_a_load_is_compared_with_its_estimate(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    lines: list[tuple[str, str]] = []
    window.status.comparison.changed.connect(lambda line, parts: lines.append((line, parts)))
    engine = window._workbench.engine
    engine.load(str(write_tiny_model(tmp_path / "tiny.gguf", context=2048)), "tiny")
    qtbot.waitUntil(lambda: bool(lines) and "Estimated" in lines[-1][1], timeout=60_000)
    assert isinstance(engine.state, EngineReady)
    line, parts = lines[-1]
    assert parts.startswith("CPU: ")
    (real,) = (float(number) for number in re.findall(r"([\d.]+) MB", line))
    estimated = float(re.findall(r"Estimated: ([\d.]+) MB", parts)[0])
    assert estimated == pytest.approx(real, rel=0.05)
    assert window.status._taken.text() == line
    engine.unload()
    assert lines[-1] == ("", "")
