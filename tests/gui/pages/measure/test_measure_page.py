"""The measure page: levels of a model, measured by real children, plotted and exported."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QImage
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QFileDialog, QMenu
from pytestqt.qtbot import QtBot

from app.gui.pages.measure.page import MeasurePage
from app.gui.shell.window import MainWindow
from app.gui.widgets.notice_bar import NoticeBar
from tests.gui.conftest import WindowMaker
from tests.gui.pages.measure.levels import COMPARED, listed
from tests.support.engine.tiny_model import write_tiny_model

WAIT_MS, MEASURE_MS = 30_000, 180_000


@pytest.fixture
def text(tmp_path: Path) -> Path:
    """A text of a few chunks; every byte is a token."""
    file = tmp_path / "text.txt"
    file.write_text("the quick brown fox jumps over the lazy dog, again and again\n" * 30)
    return file


@pytest.fixture
def open_page(make_window: WindowMaker) -> Callable[[], tuple[MainWindow, MeasurePage]]:
    def open_it() -> tuple[MainWindow, MeasurePage]:
        window = make_window()
        window.show_page("measure")
        return window, window.measure

    return open_it


def click(qtbot: QtBot, button: object) -> None:
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def choose_own(page: MeasurePage, text: str) -> None:
    page.choices.text_kind.set_value("own")
    page.choices.text.set_path(text)
    page.choices.text.changed.emit(text)


def wait_for_results(window: MainWindow, qtbot: QtBot) -> None:
    page, models = window.measure, window._workbench.models
    qtbot.waitUntil(lambda: page.run.is_over, timeout=MEASURE_MS)
    qtbot.waitUntil(lambda: models._child is None, timeout=WAIT_MS)


def texts(page: MeasurePage, row: int) -> list[str]:
    return [page.table.item(row, column).text() for column in range(page.table.columnCount())]


def show_made_up(window: MainWindow) -> MeasurePage:
    """Show results that no child has measured."""
    models = window._workbench.models
    models.models = (
        listed("Q4_0", msgspec.structs.replace(COMPARED, divergence=0.2), size_bytes=1 * 10**9),
        listed("Q4_K_M", is_ours=True, size_bytes=2 * 10**9),
        listed("Q8_0", msgspec.structs.replace(COMPARED, divergence=0.001), size_bytes=3 * 10**9),
        listed("F16", None, size_bytes=6 * 10**9),
    )
    models.changed.emit()
    window.show_page("measure")
    return window.measure


def test_without_models_it_leads_to_them(window: MainWindow, qtbot: QtBot) -> None:
    window.show_page("measure")
    page = window.measure
    assert page._empty.isVisible()
    assert not page.measure_button.isVisible()
    click(qtbot, page._empty.button)
    assert window.models.isVisible()


def test_levels_are_measured_one_by_one_and_kept(
    open_page: Callable[[], tuple[MainWindow, MeasurePage]],
    home: Path,
    text: Path,
    qtbot: QtBot,
) -> None:
    folder = home / "models"
    write_tiny_model(folder / "Grain-Q4_0.gguf")
    write_tiny_model(folder / "Grain-Q8_0.gguf", types_from="measured")
    window, page = open_page()
    assert page.family is not None
    assert page.family.name == "Grain"
    assert [level.label for level in page.table.ticked()] == ["Q4_0", "Q8_0"]
    assert page.measure_button.isEnabled()
    choose_own(page, "")
    assert not page.measure_button.isEnabled()
    assert page.reason.text() == "Choose a file with your text."
    choose_own(page, str(text))
    page.choices.chunks.setValue(2)
    assert page.measure_button.text() == "Measure 2 levels"
    page.measure_button.setFocus()
    click(qtbot, page.measure_button)
    assert len(page.run.rows) == 2
    assert page.stop_button.isVisible()
    assert [task.state for task in window._workbench.tasks.open_tasks] == ["running", "waiting"]
    wait_for_results(window, qtbot)
    assert not page.run.isVisible()
    assert page.table.ticked() == []
    for row in range(2):
        cells = texts(page, row)
        assert float(cells[3].replace(",", "")) > 1
        assert "t/s" in cells[4]
        assert "MB" in cells[5]
    assert texts(page, 0)[2] == "–"
    assert [figure.name for figure in page.plots.figures] == [
        *("Quality against size", "Speed of replies", "Speed of prompts", "Peak memory")
    ]
    quality = page.plots.figures[0]
    assert [point.is_marked for point in quality.points] == [False, True]  # type: ignore[attr-defined]
    window.close()
    _, again = open_page()
    assert float(texts(again, 0)[3].replace(",", "")) > 1


def test_one_failure_does_not_stop_the_others(
    open_page: Callable[[], tuple[MainWindow, MeasurePage]],
    home: Path,
    text: Path,
    qtbot: QtBot,
) -> None:
    folder = home / "models"
    write_tiny_model(folder / "Grain-Q4_0.gguf", with_numbers=False)
    write_tiny_model(folder / "Grain-Q8_0.gguf")
    window, page = open_page()
    choose_own(page, str(text))
    page.choices.speed.click()
    click(qtbot, page.measure_button)
    window.show_page("chat")
    wait_for_results(window, qtbot)
    (told,) = [bar for bar in window.findChildren(NoticeBar) if "measured" in bar.text]
    assert told.text == "Grain: 1 of 2 measured."
    told.acted.emit("results")
    assert page.isVisible()
    states = {row.task.title: row.task.state for row in page.run.rows}
    assert states == {"Grain Q4_0": "failed", "Grain Q8_0": "finished"}
    assert page.run.heading.text() == "Measured: 1 of 2"
    (left,) = [row for row in page.run.rows if row.isVisible()]
    assert "not numbers" in left.task.sentence
    assert [level.label for level in page.table.ticked()] == ["Q4_0"]
    click(qtbot, page.run.close_button)
    assert not page.run.isVisible()


def test_stop_cancels_all(
    open_page: Callable[[], tuple[MainWindow, MeasurePage]],
    home: Path,
    text: Path,
    qtbot: QtBot,
) -> None:
    text.write_bytes(text.read_bytes() * 100)
    for level in ("Q4_0", "Q8_0"):
        write_tiny_model(home / "models" / f"Grain-{level}.gguf")
    window, page = open_page()
    choose_own(page, str(text))
    page.choices.speed.click()
    page.choices.chunks.setValue(100_000)
    click(qtbot, page.measure_button)
    first = page.run.rows[0].task
    qtbot.waitUntil(lambda: first.progress is not None, timeout=WAIT_MS)
    click(qtbot, page.stop_button)
    wait_for_results(window, qtbot)
    assert [row.task.state for row in page.run.rows] == ["canceled", "canceled"]
    assert page.measure_button.isVisible()
    assert len(page.table.ticked()) == 2


def test_only_the_speed_needs_no_text(window: MainWindow) -> None:
    page = show_made_up(window)
    page.table.tick([page._levels[0].model.path])
    assert "--text builtin --reference /m/Grain-F16.gguf --chunks 40" in page._commands()
    page.choices.quality.click()
    assert page.measure_button.isEnabled()
    assert "--text builtin" not in page._commands()
    assert page._commands() == "gristmill measure /m/Grain-Q4_0.gguf --only speed"
    page.choices.speed.click()
    assert not page.measure_button.isEnabled()
    assert page.reason.text() == "Tick what to measure."


def test_the_reference_is_the_file_of_16_bits(window: MainWindow, text: Path) -> None:
    page = show_made_up(window)
    assert page.choices.reference.currentText() == "F16"
    assert page.table.item(3, 0).text() == "F16"
    assert [level.label for level in page.table.ticked()] == ["F16"]
    choose_own(page, str(text))
    page.table.tick([level.model.path for level in page._levels[2:]])
    first, second = page._commands().splitlines()
    assert "--reference /m/Grain-F16.gguf" in first
    assert "--reference" not in second
    page.choices.reference.setCurrentIndex(1)
    page.choices.reference.activated.emit(1)
    assert page.choices.choice.reference == ""


def test_another_family_is_chosen(window: MainWindow) -> None:
    page = show_made_up(window)
    models = window._workbench.models
    other = msgspec.structs.replace(
        listed("Q4_0", None), path="/m/Oats-Q4_0.gguf", name="Oats", parameters=1
    )
    models.models = (*models.models, other)
    models.changed.emit()
    assert page.family_box.currentText() == "Grain  ·  4 levels"
    page.family_box.setCurrentIndex(1)
    page.family_box.activated.emit(1)
    assert page.family_box.currentText() == "Oats  ·  1 level"
    assert page.table.rowCount() == 1
    assert page.plots.figures == []
    assert not page.plots.isVisible()
    assert page.hint.isVisible()
    assert not page.export_button.isEnabled()


def test_ticks_stay_when_the_library_is_scanned_again(window: MainWindow) -> None:
    page = show_made_up(window)
    page.table.item(1, 0).setCheckState(Qt.CheckState.Checked)
    window._workbench.models.changed.emit()
    assert [level.label for level in page.table.ticked()] == ["Q4_K_M", "F16"]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_exports(window: MainWindow, tmp_path: Path, theme: str) -> None:
    window.theme.choose(theme)  # type: ignore[arg-type]
    page = show_made_up(window)
    files = {kind: tmp_path / f"levels.{kind}" for kind in ("png", "svg", "csv")}
    for kind, file in files.items():
        page.export_to(file, kind)  # type: ignore[arg-type]
        assert page.notice.text == f"Saved as {file}."
    picture = QImage(str(files["png"]))
    assert picture.width() == 2400
    assert picture.pixelColor(1, 1).name().upper() == window.theme.colors.surface
    drawing = QSvgRenderer(str(files["svg"]))
    assert drawing.isValid()
    assert drawing.viewBox().size() == QSize(1200, picture.height() // 2)
    words = files["svg"].read_text("utf-8")
    for word in ("Grain", "Quality against size", "Q4_K_M", "types chosen by measurement"):
        assert word in words
    with files["csv"].open(encoding="utf-8-sig", newline="") as table:
        rows = list(csv.DictReader(table))
    assert [row["level"] for row in rows] == ["Q4_0", "Q4_K_M", "Q8_0", "F16"]
    assert rows[0]["kl_divergence_mean_nats"] == "0.2"
    window.theme.choose("light")


def test_a_failed_export_says_why(window: MainWindow, tmp_path: Path) -> None:
    page = show_made_up(window)
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    page.export_to(blocked / "levels.csv", "csv")
    assert page.notice.text
    assert "Saved" not in page.notice.text


def test_the_menu_asks_where_to_save(
    window: MainWindow, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = show_made_up(window)
    monkeypatch.setattr(
        QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "my levels"), "")
    )
    click(qtbot, page.export_button)
    (menu,) = page.findChildren(QMenu)
    assert [action.text() for action in menu.actions()] == [
        *("Picture (PNG)…", "Drawing (SVG)…", "Table (CSV)…")
    ]
    menu.actions()[2].trigger()
    menu.close()
    assert (tmp_path / "my levels.csv").is_file()
