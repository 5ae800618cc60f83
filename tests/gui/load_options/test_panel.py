"""The panel of one model: what its options take, saved only for it, and their command line."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QComboBox, QPlainTextEdit
from pytestqt.qtbot import QtBot

from app.core.load_options import LoadOptions, load_arguments_of
from app.core.settings import load_settings
from app.estimation.fit import Plan
from app.gui.load_options.dialog import LoadOptionsDialog
from app.gui.services.engine import EngineLoading, EngineReady
from app.gui.shell.window import MainWindow
from app.gui.widgets.button import Button
from app.gui.widgets.confirm_dialog import ConfirmDialog
from app.gui.widgets.text_dialog import TextDialog
from tests.gui.conftest import WindowMaker
from tests.gui.controls import widget_of
from tests.gui.load_options.conftest import PATH, PanelOpener
from tests.support.profiles import GB, file_profile, with_rates


def plan_of(panel: LoadOptionsDialog) -> Plan:
    assert panel.plan is not None
    return panel.plan


def test_automatic_layers_are_shown_and_a_number_is_followed(open_panel: PanelOpener) -> None:
    panel = open_panel(file_profile(6, layers=32))
    planned = plan_of(panel).gpu_layers
    assert 0 < planned < 33
    assert panel.form.gpu_layers.number.text() == f"{planned} of 33"
    panel.form.gpu_layers.slider.setValue(5)
    assert plan_of(panel).gpu_layers == 5
    assert "5 of 33 layers" in panel.memory.sentence.whole_text
    assert panel.form.rows["gpu_layers"].figure.startswith("GPU −")


def test_there_is_a_bar_for_ram_and_for_each_device(open_panel: PanelOpener) -> None:
    panel = open_panel(file_profile(8, 12))
    bars = panel.memory.bars
    assert [bar.name.split(" ")[0] for bar in bars] == ["RAM", "CUDA0", "CUDA1"]
    for bar, name in zip(bars, ("CPU", "CUDA0", "CUDA1"), strict=True):
        taken = plan_of(panel).memory[name]
        sizes = {part.kind: part.size_bytes for part in bar.parts}
        assert sizes["weights"] == taken.weights_bytes
        assert sizes["kv"] == taken.kv_bytes
        assert sizes["compute"] == taken.compute_bytes
    assert {part.kind: part.size_bytes for part in bars[2].parts}["others"] == 3 * GB
    open_panel(file_profile())
    assert [bar.name for bar in panel.memory.bars] == ["RAM"]
    assert panel.memory.sentence.whole_text.startswith("In RAM")


def test_devices_in_ram_have_no_bar_of_their_own(open_panel: PanelOpener) -> None:
    panel = open_panel(file_profile(32, shares_memory=True))
    (bar,) = panel.memory.bars
    assert bar.name == "RAM, with CUDA0"
    weights = sum(one.weights_bytes for one in plan_of(panel).memory.values())
    assert bar.parts[0].size_bytes == weights


def test_too_much_is_said(open_panel: PanelOpener) -> None:
    panel = open_panel(file_profile(6), LoadOptions(gpu_layers=33, context=32768))
    assert plan_of(panel).verdict == "too_large"
    assert panel.memory.bars[1].excess_bytes > 0
    assert "missing" in panel.memory.bars[1].figure
    assert panel.memory.context_button.isHidden()


def test_the_largest_context_can_be_taken(open_panel: PanelOpener) -> None:
    panel = open_panel(file_profile(8), LoadOptions(gpu_layers=33))
    largest = plan_of(panel).largest_context
    assert f"{largest:,}" in panel.memory.largest.whole_text
    panel.memory.context_button.click()
    assert panel.form.options.context == largest
    assert plan_of(panel).verdict == "on_devices"
    assert panel.memory.context_button.isHidden()


def test_a_context_costs_what_its_keys_and_values_take(open_panel: PanelOpener) -> None:
    panel = open_panel(file_profile())
    assert not any(row.figure for row in panel.form.rows.values())
    panel.form.context.number.setValue(8192)
    # 4096 tokens more of 131072 bytes, and 2 MB of the compute buffer.
    assert panel.form.rows["context"].figure == "+539 MB"
    widget_of(panel.form.controls, "cache_type_k", QComboBox).setCurrentText("q8_0")
    assert panel.form.rows["cache_type_k"].figure == "−252 MB"


def test_options_are_kept_for_the_model_alone(open_panel: PanelOpener) -> None:
    panel = open_panel()
    assert panel.whose.whole_text == "Using defaults"
    assert not panel.save_button.isEnabled()
    panel.form.context.number.setValue(8192)
    assert load_settings()[0].model_options == {}
    assert panel.whose.whole_text == "Unsaved changes"
    panel.save_button.click()
    assert not panel.isVisible()
    settings = load_settings()[0]
    assert settings.model_options == {PATH: LoadOptions(context=8192)}
    assert settings.context == LoadOptions().context
    panel = open_panel()
    assert panel.whose.whole_text == "Custom for this model"
    assert panel.form.options.context == 8192
    panel.restore_button.click()
    assert panel.form.options == LoadOptions()
    assert not panel.restore_button.isEnabled()
    assert load_settings()[0].model_options != {}
    panel.save_button.click()
    assert load_settings()[0].model_options == {}
    assert open_panel().whose.whole_text == "Using defaults"


def test_what_is_tried_out_is_not_kept(open_panel: PanelOpener) -> None:
    panel = open_panel()
    panel.form.context.number.setValue(8192)
    assert panel.form.rows["context"].figure
    panel.form.set_options(LoadOptions())
    panel.reject()
    assert not panel.isVisible()
    assert open_panel().form.options == LoadOptions()
    assert not panel.form.rows["context"].figure
    panel.form.context.number.setValue(8192)
    panel.open_for(PATH, "Another")
    assert not panel.form.rows["context"].figure


def test_unsaved_changes_are_never_lost_without_a_question(
    open_panel: PanelOpener, qtbot: QtBot
) -> None:
    panel = open_panel()
    panel.form.context.number.setValue(8192)
    for act, is_open, context in (
        ("Keep editing", True, 4096),
        ("Discard", False, 4096),
        ("Save", False, 8192),
    ):
        if not panel.isVisible():
            open_panel(options=LoadOptions(context=8192))
        qtbot.keyClick(panel, Qt.Key.Key_Escape)
        assert panel.isVisible()
        question = panel.findChild(ConfirmDialog)
        buttons = {button.text(): button for button in question.findChildren(Button)}
        assert list(buttons) == ["Keep editing", "Discard", "Save"]
        qtbot.waitUntil(buttons["Keep editing"].hasFocus)
        buttons[act].click()
        qtbot.waitUntil(lambda: panel.findChild(ConfirmDialog) is None)
        assert panel.isVisible() == is_open
        assert load_settings()[0].options_for(Path(PATH)).context == context


def test_what_no_model_loads_with_can_not_be_saved(open_panel: PanelOpener) -> None:
    impossible = LoadOptions(flash_attention="off", cache_type_v="q4_0")
    panel = open_panel(options=impossible)
    assert "need flash attention" in panel.form.rows["cache_type_v"].note
    assert not panel.save_button.isEnabled()
    panel.presets.chosen.emit(LoadOptions(cache_type_v="q4_0"))
    assert panel.save_button.isEnabled()


def test_another_model_is_shown_from_the_top(open_panel: PanelOpener, qtbot: QtBot) -> None:
    panel = open_panel()
    bar = panel.form.parentWidget().parentWidget().parentWidget().verticalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 0)
    bar.setValue(bar.maximum())
    panel.reject()
    open_panel()
    assert bar.value() == 0


def test_the_predicted_speed_follows_the_options(open_panel: PanelOpener) -> None:
    panel = open_panel(with_rates(file_profile(8)))
    whole = panel.speed.sentence.whole_text
    assert whole.startswith("Replies: about ")
    assert panel.speed.caveat.isHidden()
    panel.form.gpu_layers.slider.setValue(0)
    assert panel.speed.sentence.whole_text != whole
    open_panel(with_rates(file_profile(8), is_disturbed=True))
    assert not panel.speed.caveat.isHidden()
    open_panel(file_profile())
    assert panel.speed.isHidden()


def test_raw_parameters_are_json_with_the_engines_names(open_panel: PanelOpener) -> None:
    panel = open_panel(
        file_profile(8, layers=8, layer_gb=2, experts=64), LoadOptions(context=2048, threads=3)
    )
    panel.raw_button.click()
    dialog = next(
        widget for widget in QApplication.topLevelWidgets() if isinstance(widget, TextDialog)
    )
    view = dialog.findChild(QPlainTextEdit)
    assert view.isReadOnly()
    document = json.loads(view.toPlainText())
    assert document["options"]["context"] == 2048
    assert document["llama_model_params"]["n_gpu_layers"] == plan_of(panel).gpu_layers == 9
    assert document["llama_context_params"]["n_ctx"] == 2048
    assert document["llama_context_params"]["n_threads_batch"] == 3
    patterns = document["llama_model_params"]["tensor_buft_overrides"]
    assert len(patterns) == plan_of(panel).experts_on_cpu > 0
    assert document["llama_context_params"]["type_k"] == "GGML_TYPE_F16"
    dialog.accept()


def test_the_command_line_says_the_same_options(open_panel: PanelOpener) -> None:
    options = LoadOptions(gpu_layers=12, device_shares=(3.0, 1.0), memory_map="off")
    panel = open_panel(file_profile(8, 8), options)
    panel.copy_button.click()
    words = shlex.split(QGuiApplication.clipboard().text())
    assert words == ["gristmill", "serve", PATH, *load_arguments_of(options)]
    assert words[words.index("--memory-map") + 1] == "off"


def test_a_model_that_can_not_be_read_is_said_and_tried_again(
    window: MainWindow, qtbot: QtBot
) -> None:
    panel = window.load_options
    panel.open_for("/nowhere/at-all.gguf", "At all")
    qtbot.waitUntil(panel.memory.retry_button.isVisible, timeout=60_000)
    assert "at-all.gguf" in panel.memory.sentence.whole_text
    panel.memory.retry_button.click()
    assert panel.finder.is_busy
    assert panel.plan is None
    assert panel.memory.retry_button.isHidden()


@pytest.mark.slow
def test_a_real_model_is_laid_over_this_machine(
    starter: Path, make_window: WindowMaker, qtbot: QtBot
) -> None:
    window = make_window()
    window.show_page("models")
    qtbot.waitUntil(window.models.options_button.isEnabled, timeout=20_000)
    window.models.options_button.click()
    panel = window.load_options
    assert panel.isVisible()
    qtbot.waitUntil(lambda: panel.plan is not None, timeout=120_000)
    ram = plan_of(panel).memory["CPU"]
    size_bytes = starter.stat().st_size
    assert size_bytes * 0.9 < ram.weights_bytes < size_bytes
    # 30 layers, 3 heads of 64 for keys and as many for values, 2 bytes each.
    assert ram.kv_bytes == 30 * 3 * 64 * 2 * 2 * 4096
    panel.form.context.slider.setValue(panel.form.context.slider.maximum())
    assert panel.form.options.context == 8192
    assert plan_of(panel).memory["CPU"].kv_bytes == 2 * ram.kv_bytes


@pytest.mark.slow
def test_a_loaded_model_is_loaded_again_with_new_options(
    starter: Path, make_window: WindowMaker, qtbot: QtBot
) -> None:
    window = make_window()
    engine = window._workbench.engine
    window.start_chat(str(starter), "Starter")
    qtbot.waitUntil(lambda: isinstance(engine.state, EngineReady), timeout=120_000)
    assert not engine.is_outdated
    window.chat.picker.options_button.click()
    panel = window.load_options
    panel.form.context.number.setValue(1024)
    assert panel.save_button.text() == "Save and reload"
    panel.save_button.click()
    assert not panel.isVisible()
    assert isinstance(engine.state, EngineLoading)
    assert not engine.is_outdated
    qtbot.waitUntil(lambda: isinstance(engine.state, EngineReady), timeout=120_000)
    assert isinstance(engine.state, EngineReady)
    assert engine.state.server.context == 1024
    window._workbench.settings.change(context=2048, model_options={})
    window.chat.picker.options_button.click()
    assert panel.save_button.text() == "Reload to apply"
    assert panel.save_button.isEnabled()
