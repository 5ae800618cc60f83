"""The rows of the jobs at the foot of the rail."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QProgressBar

from app.core.events import Progressed
from app.gui.shell.window import MainWindow
from app.gui.widgets.icon_button import IconButton
from app.gui.widgets.plain_label import PlainLabel
from tests.support.engine.tiny_model import write_tiny_model


def test_a_job_that_prepares_its_next_step_has_an_empty_bar(
    window: MainWindow, tmp_path: Path
) -> None:
    window.resize(1600, 700)
    model = write_tiny_model(tmp_path / "tiny.gguf")
    task = window._workbench.tasks.add("convert", "tiny → Q8_0", "serve", str(model))
    jobs = window.rail.jobs.list
    (bar,) = jobs.findChildren(QProgressBar)
    task._on_received(Progressed("checks", 10, 10))
    assert bar.value() > 0
    task._on_received(Progressed("plan", 0, 0))
    assert bar.value() == 0
    assert "Preparing…" in [label.text() for label in jobs.findChildren(PlainLabel)]
    (stop,) = jobs.findChildren(IconButton)
    assert stop.accessibleName() == "Cancel: tiny → Q8_0"


def test_a_download_is_paused_rather_than_canceled(window: MainWindow) -> None:
    window._workbench.tasks.add("download", "acme/grain", "download", "not a name")
    (stop,) = window.rail.jobs.list.findChildren(IconButton)
    assert stop.accessibleName() == "Pause: acme/grain"
