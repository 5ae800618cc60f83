from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QCheckBox, QLineEdit
from pytestqt.qtbot import QtBot

from app.core import paths
from app.core.load_options import LoadOptions
from app.core.settings import Settings, load_settings
from app.gui.shell.window import MainWindow
from app.gui.theme.tokens import SIZE
from app.gui.widgets.auto_spin_box import AutoSpinBox
from app.gui.widgets.number_box import NumberBox
from app.gui.widgets.path_field import PathField
from app.gui.widgets.plain_label import PlainLabel
from app.gui.widgets.scroll_column import ScrollColumn
from app.gui.widgets.segmented_choice import SegmentedChoice
from app.inference.self_test.safe_settings import EngineSetting
from app.native.library import engine_fingerprint
from tests.gui.conftest import WindowMaker
from tests.gui.controls import change, widget_of


def test_every_field_is_shown_and_saved(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    models, converter = str(tmp_path), str(tmp_path.parent)
    page = window.settings
    form = page.loading.form
    form.gpu_layers.automatic.click()
    form.gpu_layers.number.setValue(12)
    for name, count in (("threads", 3), ("threads_batch", 5)):
        threads = widget_of(form.controls, name, AutoSpinBox)
        threads._automatic.click()
        threads._number.setValue(count)
    form.context.number.setValue(8192)
    attention = widget_of(form.controls, "flash_attention", SegmentedChoice)
    qtbot.mouseClick(attention._group.button(2), Qt.MouseButton.LeftButton)
    change(page.controls["models_folder"], models)
    change(page.controls["converter_folder"], converter)
    change(page.loading.controls["context_overflow"], "shift")
    change(page.controls["system_prompt"], "Be brief.")
    page.loading.workers.setText("mill:50052  mill:50053")
    page.loading.workers.editingFinished.emit()
    change(page.controls["theme"], "dark")
    assert load_settings() == (
        Settings(
            gpu_layers=12,
            threads=3,
            threads_batch=5,
            context=8192,
            flash_attention="off",
            models_folder=models,
            converter_folder=converter,
            context_overflow="shift",
            system_prompt="Be brief.",
            workers=("mill:50052", "mill:50053"),
            theme="dark",
        ),
        None,
    )
    assert window.theme.is_dark


def test_saved_settings_are_shown(make_window: WindowMaker) -> None:
    first = make_window()
    first.settings.loading.form.context.number.setValue(2048)
    change(first.settings.controls["theme"], "light")
    second = make_window()
    assert second.settings.loading.form.options.context == 2048
    assert second.settings.controls["theme"].read() == "light"
    assert second.settings.loading.form.options.gpu_layers is None


def test_defaults_can_be_restored(window: MainWindow) -> None:
    section = window.settings.loading
    assert not section.restore_button.isEnabled()
    section.form.context.number.setValue(8192)
    widget_of(section.form.controls, "memory_lock", QCheckBox).click()
    change(section.controls["context_overflow"], "shift")
    section.restore_button.click()
    assert load_settings() == (Settings(context_overflow="shift"), None)
    assert section.form.context.value == LoadOptions().context
    assert not section.restore_button.isEnabled()


def test_a_system_prompt_is_kept_after_a_pause(window: MainWindow, qtbot: QtBot) -> None:
    field = window.settings.controls["system_prompt"].widget
    qtbot.keyClicks(field, "Answer in one sentence.")
    kept = window._workbench.settings
    qtbot.waitUntil(lambda: kept.value.system_prompt == "Answer in one sentence.", timeout=5_000)


def test_an_empty_folder_field_means_the_default(window: MainWindow, tmp_path: Path) -> None:
    change(window.settings.controls["models_folder"], str(tmp_path))
    change(window.settings.controls["models_folder"], "")
    assert window._workbench.settings.value.models_folder is None


def test_a_safe_setting_is_shown_and_can_be_left(
    window: MainWindow, qtbot: QtBot, converter: Path
) -> None:
    safe = {engine_fingerprint(): EngineSetting(("flash_attention",), "it divided by zero")}
    paths.engine_file().write_bytes(msgspec.json.encode(safe))
    card = window.settings.engine
    window.show_page("settings")
    qtbot.waitUntil(lambda: "it divided by zero" in card.setting.text(), timeout=30_000)
    assert "without flash attention" in card.setting.text()
    qtbot.waitUntil(card.full_button.isEnabled, timeout=30_000)
    card.full_button.click()
    qtbot.waitUntil(lambda: "all optimizations are on" in card.setting.text(), timeout=30_000)
    assert card.full_button.isHidden()
    remembered = msgspec.json.decode(
        paths.engine_file().read_bytes(), type=dict[str, EngineSetting]
    )
    assert remembered == {engine_fingerprint(): EngineSetting(is_chosen=True)}


def test_settings_are_in_groups_with_the_rare_ones_last(window: MainWindow) -> None:
    window.show_page("settings")
    labels = window.settings.findChildren(PlainLabel)
    headings = [label for label in labels if label.property("text_role") == "title"]
    headings.sort(key=lambda label: label.mapTo(window, label.rect().topLeft()).y())
    assert [label.text() for label in headings] == [
        "Appearance",
        "Chat",
        "Models",
        "Downloads",
        "Servers",
        "Accounts",
        "Model defaults",
        "Advanced",
    ]


@pytest.mark.parametrize("width", [820, 1120, 1600])
def test_settings_are_in_the_middle_of_the_page(window: MainWindow, width: int) -> None:
    window.resize(width, 700)
    window.show_page("settings")
    QApplication.processEvents()
    scroll = window.settings.findChild(ScrollColumn)
    contents = scroll.widget()
    assert contents.width() <= SIZE.form
    left, right = contents.x(), scroll.viewport().width() - contents.geometry().right() - 1
    assert abs(left - right) <= 1


@pytest.mark.parametrize("name", ["models_folder", "converter_folder"])
def test_a_folder_that_is_not_there_is_refused_at_its_field(
    window: MainWindow, qtbot: QtBot, tmp_path: Path, name: str
) -> None:
    window.show_page("settings")
    page = window.settings
    field, row = widget_of(page.controls, name, PathField), page.rows[name]
    line = field.findChild(QLineEdit)
    line.setText("/does/not/exist")
    qtbot.keyClick(line, Qt.Key.Key_Return)
    assert row.refusal == "There is no folder /does/not/exist."
    assert line.property("invalid")
    assert page.notice.isHidden()
    assert load_settings() == (Settings(), None)
    line.setText(str(tmp_path))
    qtbot.keyClick(line, Qt.Key.Key_Return)
    assert row.refusal == ""
    assert not line.property("invalid")
    assert getattr(load_settings()[0], name) == str(tmp_path)


def test_a_worker_without_a_port_is_refused_at_its_field(window: MainWindow, qtbot: QtBot) -> None:
    window.show_page("settings")
    loading = window.settings.loading
    loading.workers.setText("mill:50052 foo bar:99999")
    qtbot.keyClick(loading.workers, Qt.Key.Key_Return)
    assert "“foo” is not an address" in loading.rows["workers"].refusal
    assert loading.workers.property("invalid")
    assert window.settings.notice.isHidden()
    assert load_settings() == (Settings(), None)
    loading.workers.setText("mill:50052")
    qtbot.keyClick(loading.workers, Qt.Key.Key_Return)
    assert loading.rows["workers"].refusal == ""
    assert not loading.workers.property("invalid")
    assert load_settings()[0].workers == ("mill:50052",)


def test_a_number_out_of_bounds_is_refused_at_its_field_and_moves_nothing(
    window: MainWindow, qtbot: QtBot
) -> None:
    window.show_page("settings")
    section = window.settings.loading
    form = section.form
    QApplication.processEvents()
    for name, box in (
        ("context", form.context.number),
        ("batch", widget_of(form.controls, "batch", NumberBox)),
        ("threads", widget_of(form.controls, "threads", AutoSpinBox)._number),
    ):
        form.controls[name].show(form.controls[name].read() or 4)
        before, below = box.value(), form.rows["extra_buffers"]
        place = below.mapTo(section, below.rect().topLeft())
        box.setFocus()
        box.selectAll()
        qtbot.keyClicks(box, "9999999")
        qtbot.keyClick(box, Qt.Key.Key_Tab)
        assert box.value() == before
        assert f"to {box.maximum():,}." in form.rows[name].refusal
        QApplication.processEvents()
        assert below.mapTo(section, below.rect().topLeft()) == place
        box.selectAll()
        qtbot.keyClicks(box, "512")
        qtbot.keyClick(box, Qt.Key.Key_Return)
        assert form.rows[name].refusal == ""
        assert getattr(load_settings()[0], name) == 512


def test_the_rail_leads_to_each_section_where_there_is_room(
    window: MainWindow, qtbot: QtBot
) -> None:
    window.show_page("settings")
    window.resize(820, 700)
    page = window.settings
    qtbot.waitUntil(page.rail.isHidden)
    window.resize(1600, 700)
    qtbot.waitUntil(page.rail.isVisible)
    names = [button.text() for button in page.rail.buttons]
    assert names[0] == "Appearance"
    qtbot.waitUntil(page.rail.buttons[0].isChecked)
    for button in reversed(page.rail.buttons):
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
        assert [one.text() for one in page.rail.buttons if one.isChecked()] == [button.text()]
    servers = page.rail.buttons[names.index("Servers")]
    servers.click()
    top = page.endpoints.mapTo(page, page.endpoints.rect().topLeft()).y()
    assert 0 < top < page.height() // 3


def test_a_setting_that_is_changed_elsewhere_is_shown(window: MainWindow) -> None:
    page = window.settings
    window._workbench.settings.change(theme="dark", system_prompt="Be brief.")
    assert page.controls["theme"].read() == "dark"
    assert page.controls["system_prompt"].read() == "Be brief."
