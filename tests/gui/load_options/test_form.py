"""The form of load options: every row changes its option and shows notes about it."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QCheckBox,
    QComboBox,
    QLabel,
    QPushButton,
    QScrollBar,
    QSpinBox,
    QWidget,
)
from pytestqt.qtbot import QtBot

from app.core.load_options import LOAD_FIELDS, LoadOptions
from app.core.option_fields import option_fields
from app.gui.load_options.form import LoadOptionsForm, context_steps
from app.gui.theme.theme import Theme
from app.gui.widgets.auto_spin_box import AutoSpinBox
from app.gui.widgets.segmented_choice import SegmentedChoice
from app.machine.cores import core_counts
from tests.gui.controls import widget_of
from tests.support.profiles import file_profile

Act = Callable[[LoadOptionsForm], object]


@pytest.fixture
def form(theme: Theme, qtbot: QtBot) -> LoadOptionsForm:
    made = LoadOptionsForm(theme, is_general=True)
    qtbot.addWidget(made)
    made.show()
    return made


def click_segment(form: LoadOptionsForm, name: str, index: int) -> None:
    choice = widget_of(form.controls, name, SegmentedChoice)
    choice.findChildren(QPushButton)[index].click()


def tick(form: LoadOptionsForm, name: str) -> None:
    widget_of(form.controls, name, QCheckBox).click()


def choose(form: LoadOptionsForm, name: str, text: str) -> None:
    widget_of(form.controls, name, QComboBox).setCurrentText(text)


def number(form: LoadOptionsForm, name: str) -> QSpinBox:
    return widget_of(form.controls, name, QSpinBox)


def threads(form: LoadOptionsForm, name: str) -> AutoSpinBox:
    return widget_of(form.controls, name, AutoSpinBox)


CHANGES: dict[str, tuple[Act, object]] = {
    "gpu_layers": (lambda form: form.gpu_layers.automatic.click(), 0),
    "device_shares": (lambda form: form.device_shares.automatic.click(), (1.0, 1.0)),
    "experts_on_cpu": (lambda form: form.experts_on_cpu.automatic.click(), 0),
    "kv_on_device": (lambda form: tick(form, "kv_on_device"), False),
    "cache_type_k": (lambda form: choose(form, "cache_type_k", "q8_0"), "q8_0"),
    "cache_type_v": (lambda form: choose(form, "cache_type_v", "q4_0"), "q4_0"),
    "flash_attention": (lambda form: click_segment(form, "flash_attention", 0), "auto"),
    "swa_full": (lambda form: tick(form, "swa_full"), True),
    "context": (lambda form: form.context.number.setValue(5000), 5000),
    "batch": (lambda form: number(form, "batch").setValue(1024), 1024),
    "micro_batch": (lambda form: number(form, "micro_batch").setValue(256), 256),
    "threads": (lambda form: threads(form, "threads")._automatic.click(), None),
    "threads_batch": (lambda form: threads(form, "threads_batch")._automatic.click(), None),
    "memory_map": (lambda form: click_segment(form, "memory_map", 2), "off"),
    "memory_lock": (lambda form: tick(form, "memory_lock"), True),
    "extra_buffers": (lambda form: tick(form, "extra_buffers"), False),
}
OTHERS = LoadOptions(flash_attention="on", threads=7, threads_batch=9)


def test_no_option_is_without_a_row(form: LoadOptionsForm) -> None:
    assert set(form.rows) == set(LOAD_FIELDS) == set(CHANGES)


def test_controls_have_the_bounds_of_their_options(form: LoadOptionsForm) -> None:
    for name, field in option_fields(LoadOptions).items():
        control = form.controls[name].widget
        boxes = [control] if isinstance(control, QSpinBox) else control.findChildren(QSpinBox)
        for box in boxes:
            assert (box.minimum(), box.maximum()) == (field.minimum, field.maximum), name


@pytest.mark.parametrize("field", CHANGES)
def test_every_row_changes_its_option_alone(
    form: LoadOptionsForm, qtbot: QtBot, field: str
) -> None:
    form.set_options(OTHERS)
    act, wanted = CHANGES[field]
    with qtbot.waitSignal(form.changed):
        act(form)
    assert form.options == msgspec.structs.replace(OTHERS, **{field: wanted})


def test_options_are_shown_and_nothing_is_emitted(form: LoadOptionsForm, qtbot: QtBot) -> None:
    options = LoadOptions(
        gpu_layers=12,
        device_shares=(3.0, 0.5, 1.0),
        experts_on_cpu=4,
        kv_on_device=False,
        cache_type_k="q8_0",
        cache_type_v="iq4_nl",
        flash_attention="on",
        context=6000,
        batch=1000,
        micro_batch=64,
        threads=1024,
        threads_batch=3,
        memory_map="off",
        memory_lock=True,
        extra_buffers=False,
    )
    with qtbot.assertNotEmitted(form.changed):
        form.set_options(options)
    assert form.options == options
    assert [number.text() for number in form.device_shares.numbers] == ["3", "0.5", "1"]
    assert threads(form, "threads").value == 1024
    assert form.context.value == 6000
    assert form.controls["memory_map"].read() == "off"


def test_what_no_control_can_show_is_kept(form: LoadOptionsForm) -> None:
    form.set_profile(file_profile(8, layers=32))
    form.set_options(LoadOptions(gpu_layers=99))
    assert form.gpu_layers.number.value() == 33
    assert "33" in form.rows["gpu_layers"].note
    number(form, "batch").setValue(512)
    assert form.options == LoadOptions(gpu_layers=99, batch=512)


def test_automatic_layers_become_a_number_when_the_slider_moves(form: LoadOptionsForm) -> None:
    form.set_profile(file_profile(8, layers=32))
    form.gpu_layers.set_planned(24)
    assert form.gpu_layers.number.text() == "24 of 33"
    assert form.options.gpu_layers is None
    form.gpu_layers.slider.setValue(20)
    assert form.options.gpu_layers == 20
    assert not form.gpu_layers.automatic.isChecked()
    form.gpu_layers.automatic.click()
    assert form.options.gpu_layers is None
    assert form.gpu_layers.slider.value() == 24


def test_the_context_goes_by_powers_of_two_to_what_the_model_was_trained_for(
    form: LoadOptionsForm,
) -> None:
    assert context_steps(40960)[-3:] == (16384, 32768, 40960)
    assert context_steps(8192)[-2:] == (4096, 8192)
    assert context_steps(300) == (300,)
    form.set_profile(file_profile(trained=40960))
    form.context.slider.setValue(form.context.slider.maximum())
    assert form.options.context == 40960
    form.context.slider.setValue(0)
    assert form.options.context == 512
    assert not form.rows["context"].note
    form.set_options(LoadOptions(context=100_000))
    assert form.options.context == 100_000
    assert form.context.value == 40960
    assert "40,960" in form.rows["context"].note


def test_threads_have_no_clamp_and_the_cores_are_said(form: LoadOptionsForm) -> None:
    physical, logical = core_counts()
    spoken = threads(form, "threads").accessibleDescription()
    assert f"{physical} physical cores, {logical} logical" in spoken
    form.set_options(LoadOptions(threads=1))
    assert not form.rows["threads"].note
    threads(form, "threads")._number.setValue(1024)
    assert form.options.threads == 1024
    assert str(logical) in form.rows["threads"].note


def test_without_a_graphics_card_its_rows_are_off_and_say_why(theme: Theme, qtbot: QtBot) -> None:
    form = LoadOptionsForm(theme)
    qtbot.addWidget(form)
    form.set_profile(file_profile())
    assert not form.gpu_layers.isEnabled()
    assert not form.controls["kv_on_device"].widget.isEnabled()
    assert form.rows["gpu_layers"].note == "No GPU found."
    assert form.rows["device_shares"].isHidden()
    assert form.rows["experts_on_cpu"].isHidden()
    form.set_profile(file_profile(8, 12, experts=64))
    assert form.gpu_layers.isEnabled()
    assert not form.rows["gpu_layers"].note
    assert not form.rows["device_shares"].isHidden()
    assert not form.rows["experts_on_cpu"].isHidden()
    assert len(form.device_shares.numbers) == 2


def test_values_that_need_flash_attention_say_so(form: LoadOptionsForm) -> None:
    form.set_options(LoadOptions(cache_type_v="q8_0", flash_attention="off"))
    assert form.rows["cache_type_v"].note == (
        "q8_0 values need flash attention. Set it to Automatic, or choose f16."
    )
    form.set_options(LoadOptions(cache_type_v="q8_0", flash_attention="on"))
    assert not form.rows["cache_type_v"].note
    form.set_options(LoadOptions(batch=256, micro_batch=512))
    assert "256" in form.rows["micro_batch"].note


def test_a_model_that_reads_all_at_once_takes_no_batch(form: LoadOptionsForm) -> None:
    form.set_profile(file_profile(is_causal=False))
    assert not number(form, "batch").isEnabled()
    assert not number(form, "micro_batch").isEnabled()
    assert form.rows["batch"].note


def test_every_control_has_a_name_and_every_text_is_literal(form: LoadOptionsForm) -> None:
    kinds = (QAbstractButton, QAbstractSlider, QAbstractSpinBox, QComboBox)
    controls = [
        widget
        for widget in form.findChildren(QWidget)
        if isinstance(widget, kinds) and not isinstance(widget, QScrollBar)
    ]
    assert len(controls) > 20
    assert [control for control in controls if not control.accessibleName()] == []
    labels = form.findChildren(QLabel)
    assert {label.textFormat() for label in labels} == {Qt.TextFormat.PlainText}


def test_the_wheel_scrolls_and_changes_nothing_on_its_way(form: LoadOptionsForm) -> None:
    def turn(control: QWidget) -> None:
        middle = QPointF(control.rect().center())
        event = QWheelEvent(
            middle,
            control.mapToGlobal(middle),
            QPoint(),
            QPoint(0, 120),
            Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        QApplication.sendEvent(control, event)

    batch = number(form, "batch")
    for control in (batch, form.controls["cache_type_k"].widget, form.context.slider):
        turn(control)
    assert form.options == LoadOptions()
    form.activateWindow()
    batch.setFocus()
    assert batch.hasFocus()
    turn(batch)
    assert form.options != LoadOptions()
