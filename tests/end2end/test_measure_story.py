"""From two levels of a model to plots of them, and to the three files they are exported as."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QFileDialog, QMenu, QWidget
from pytestqt.qtbot import QtBot

from app.gui.shell.window import MainWindow
from tests.support.engine.llama_cpp_tools import quantized_by_llama_cpp
from tests.support.engine.tiny_model import write_tiny_model

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("known_machine")]

WAIT_MS, MEASURE_MS = 60_000, 300_000


@pytest.fixture(autouse=True)
def levels(home: Path) -> None:
    """Two levels of a tiny model and the file of 16 bits, before the window opens."""
    tiny = write_tiny_model(home / "tiny.gguf", context=2048, types_from="measured")
    for level in ("Q4_0", "Q8_0", "F16"):
        file = home / "models" / f"Grain-{level}.gguf"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(quantized_by_llama_cpp(tiny, level, allow_requantize=True))


def test_two_levels_are_measured_plotted_and_exported(
    levels: None,
    window: MainWindow,
    qtbot: QtBot,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def click(widget: QWidget) -> None:
        qtbot.mouseClick(widget, Qt.MouseButton.LeftButton)

    (entry,) = (b for b in window.rail.findChildren(QWidget) if b.accessibleName() == "Measure")
    click(entry)
    page = window.measure
    qtbot.waitUntil(lambda: page.family is not None, timeout=WAIT_MS)
    assert page.family_box.currentText() == "Grain  ·  3 levels"
    labels = [page.table.item(row, 0).text() for row in range(3)]
    assert sorted(labels) == ["F16", "Q4_0", "Q8_0"]
    page.table.item(labels.index("F16"), 0).setCheckState(Qt.CheckState.Unchecked)
    page.choices.chunks.setValue(2)
    assert page.choices.reference.currentText() == "F16"
    assert page.measure_button.text() == "Measure 2 levels"
    click(page.measure_button)
    qtbot.waitUntil(lambda: page.run.is_over, timeout=MEASURE_MS)
    assert [row.task.state for row in page.run.rows] == ["finished", "finished"]

    def plotted() -> list[str]:
        figure = next(iter(page.plots.figures), None)
        return [point.label for point in getattr(figure, "points", ())]

    qtbot.waitUntil(lambda: plotted() == ["Q4_0", "Q8_0"], timeout=WAIT_MS)
    quality, *others = page.plots.views
    assert quality.accessibleName() == "Quality against size"
    assert "KL divergence" in quality.accessibleDescription()
    quality.setFocus(Qt.FocusReason.TabFocusReason)
    qtbot.waitUntil(lambda: quality.shown_words[:1] == ("Q4_0",), timeout=WAIT_MS)
    qtbot.keyClick(quality, Qt.Key.Key_Right)
    assert quality.shown_words[:1] == ("Q8_0",)
    assert [view.figure.name for view in others if view.figure] == [
        *("Speed of replies", "Speed of prompts", "Peak memory")
    ]

    for index, kind in enumerate(("png", "svg", "csv")):
        file = tmp_path / f"levels.{kind}"
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, file=file: (str(file), ""))
        click(page.export_button)
        menu = page.findChildren(QMenu)[-1]
        menu.actions()[index].trigger()
        menu.close()
        assert page.notice.text == f"Saved as {file}."
    assert QImage(str(tmp_path / "levels.png")).width() == 2400
    assert QSvgRenderer(str(tmp_path / "levels.svg")).isValid()
    with (tmp_path / "levels.csv").open(encoding="utf-8-sig", newline="") as table:
        rows = {row["level"]: row for row in csv.DictReader(table)}
    four, eight = (float(rows[level]["kl_divergence_mean_nats"]) for level in ("Q4_0", "Q8_0"))
    assert four > eight > 0
    assert rows["F16"]["perplexity"] == ""
    assert rows["Q4_0"]["has_measured_types"] == "yes"
