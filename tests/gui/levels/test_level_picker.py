"""The table of levels follows the predicted load, with made-up profiles."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QModelIndex, QRect, Qt
from PySide6.QtGui import QAccessible, QPainter
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QSlider,
    QStyle,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)
from pytestqt.qtbot import QtBot

from app.core.events import LevelPlanned
from app.core.load_options import LoadOptions
from app.estimation.hardware import Hardware
from app.estimation.model_profile import ModelProfile
from app.estimation.predictions import LevelPrediction
from app.estimation.quality import Quality
from app.estimation.speed import PredictedSpeed
from app.gui.levels.level_delegate import GROUP_ROLE, LevelDelegate
from app.gui.levels.level_picker import LevelPicker
from app.gui.levels.level_words import WAITING, prediction_cells
from app.gui.shell.window import MainWindow
from app.gui.theme.style import apply_theme
from app.gui.theme.tokens import SIZE as SIZES
from app.gui.theme.tokens import SPACING
from tests.support.checkpoints.checkpoints import make_tiny_checkpoint
from tests.support.profiles import (
    ALL_LEVELS,
    USUAL_LEVELS,
    checkpoint_profile,
    made_machine,
    with_rates,
)

LEVEL, SIZE, MEMORY, FIT, SPEED, QUALITY = range(6)
NO_DEVICE, ONE_DEVICE = made_machine(ram_gb=16), made_machine(8)
TWO_DEVICES = made_machine(6, 24, ram_gb=64)


@pytest.fixture
def picker(qapp: QApplication, qtbot: QtBot) -> Iterator[LevelPicker]:
    place = QWidget()
    qtbot.addWidget(place)
    picker = LevelPicker(apply_theme(qapp, "light"))
    column = QVBoxLayout(place)
    column.setContentsMargins(0, 0, 0, 0)
    for widget in (picker, picker.table, picker.legend):
        column.addWidget(widget)
    place.resize(900, 700)
    picker.reset("Q4_K_M")
    place.show()
    yield picker
    place.close()


def plan(picker: LevelPicker, profile: ModelProfile, folder: str = "/nowhere") -> None:
    for level in profile.levels:
        size, bits = level.size_bytes or 0, level.bits_per_weight or 0.0
        picker.show_level(LevelPlanned(level.level, size, bits, f"{folder}/{level.level}.gguf"))


def show(picker: LevelPicker, hardware: Hardware, **model: float) -> ModelProfile:
    profile = checkpoint_profile(hardware, **model)
    plan(picker, profile)
    picker.take_profile(profile)
    return profile


def texts(picker: LevelPicker, column: int) -> list[str]:
    table = picker.table
    return [table.item(row, column).text() for row in range(table.rowCount())]


def captions(picker: LevelPicker, column: int) -> list[str]:
    return [picker.table.cell(row, column).caption for row in range(picker.table.rowCount())]


def ticked(picker: LevelPicker) -> list[str]:
    return [planned.level for planned in picker.table.ticked()]


def tick(picker: LevelPicker, level: str, *, is_wanted: bool = True) -> None:
    (row,) = (row for row, name in enumerate(texts(picker, LEVEL)) if name == level)
    state = Qt.CheckState.Checked if is_wanted else Qt.CheckState.Unchecked
    picker.table.item(row, 0).setCheckState(state)


def choose(box: QComboBox, words: str) -> None:
    box.setCurrentIndex(next(n for n in range(box.count()) if words in box.itemText(n)))


def test_rows_wait_for_facts_and_then_have_all(picker: LevelPicker) -> None:
    profile = checkpoint_profile(ONE_DEVICE)
    plan(picker, profile)
    assert set(texts(picker, MEMORY)) == set(texts(picker, FIT)) == {WAITING}
    assert "3.16 GB" in texts(picker, SIZE)
    picker.take_profile(profile)
    assert WAITING not in {*texts(picker, MEMORY), *texts(picker, FIT)}
    rows = dict(zip(texts(picker, LEVEL), texts(picker, FIT), strict=True))
    assert rows["Q4_K_M"] == "All on the GPU"
    assert rows["F16"] == "GPU and RAM"


def test_each_control_is_followed_at_once_and_without_a_child(picker: LevelPicker) -> None:
    show(picker, ONE_DEVICE)
    strip = picker.strip

    def changed_by(column: int, act: object) -> bool:
        before = texts(picker, column), captions(picker, column)
        assert callable(act)
        act()
        return before != (texts(picker, column), captions(picker, column))

    assert changed_by(MEMORY, lambda: strip.context.slider.setValue(9))
    assert changed_by(MEMORY, lambda: choose(strip.cache_type, "q8_0"))
    assert changed_by(FIT, lambda: strip.layers.number.setValue(7))
    assert set(captions(picker, FIT)) >= {"7 of 33 layers on GPU"}
    assert changed_by(FIT, lambda: choose(strip.device, "Processor only"))
    assert not strip.layers.isEnabled()
    assert set(texts(picker, FIT)) == {"In RAM", "Too large"}
    strip.threads._automatic.click()
    assert strip.options.threads is not None
    assert not picker.finder.is_busy


def test_a_machine_without_devices_has_no_controls_for_them(picker: LevelPicker) -> None:
    show(picker, NO_DEVICE)
    assert not picker.strip.layers.isVisible()
    assert not picker.strip.device.isVisible()
    assert set(texts(picker, FIT)) == {"In RAM", "Too large"}
    assert picker.strip.options.gpu_layers is None


def test_one_of_two_devices_can_be_chosen(picker: LevelPicker) -> None:
    profile = show(picker, TWO_DEVICES)
    assert "All on 2 GPUs" in texts(picker, FIT)
    choose(picker.strip.device, "CUDA0")
    assert picker.strip.options.device_shares == (1.0, 0.0)
    assert "All on 2 GPUs" not in texts(picker, FIT)
    choose(picker.strip.device, "All devices")
    assert picker.strip.options.device_shares == ()
    picker.take_profile(replace(profile, hardware=ONE_DEVICE))
    assert picker.strip.device.count() == 2


def test_the_context_ends_at_the_trained_one(picker: LevelPicker) -> None:
    show(picker, ONE_DEVICE, trained_context=2048)
    strip = picker.strip
    assert strip.options.context == 2048
    strip.context.slider.setValue(strip.context.slider.maximum())
    assert strip.options.context == 2048


def test_the_advice_is_ticked_once_and_not_forced(picker: LevelPicker) -> None:
    show(picker, ONE_DEVICE)
    assert ticked(picker) == ["Q6_K"]
    assert captions(picker, LEVEL).count("Recommended") == 1
    picker.strip.context.slider.setValue(picker.strip.context.slider.maximum())
    assert ticked(picker) == ["Q6_K"]
    choose(picker.advice.use, "smallest")
    assert ticked(picker) == ["Q2_K"]
    assert picker.advice.sentence.whole_text.startswith("Recommended: Q2_K — the smallest file")
    tick(picker, "Q8_0")
    choose(picker.advice.use, "best quality")
    assert ticked(picker) == ["Q2_K", "Q8_0"]


def test_a_choice_before_the_facts_stays(picker: LevelPicker) -> None:
    profile = checkpoint_profile(ONE_DEVICE)
    plan(picker, profile)
    tick(picker, "Q5_K_M")
    picker.take_profile(profile)
    assert ticked(picker) == ["Q5_K_M"]
    assert "Recommended" in captions(picker, LEVEL)
    assert picker.better_level == "Q6_K"


def test_the_advice_waits_until_quality_and_speed_are_known(
    picker: LevelPicker, qtbot: QtBot
) -> None:
    picker.set_source("/nowhere")
    show(picker, ONE_DEVICE)
    assert ticked(picker) == []
    assert "Recommended" not in captions(picker, LEVEL)
    assert "Comparing" in picker.advice.sentence.whole_text
    qtbot.waitUntil(lambda: not picker.finder.is_busy, timeout=60_000)
    assert ticked(picker) == ["Q6_K"]


def test_a_tick_that_was_seen_stays_when_more_is_known(picker: LevelPicker) -> None:
    profile = show(picker, ONE_DEVICE)
    assert (ticked(picker), picker.better_level) == (["Q6_K"], "")
    known = [
        replace(level, quality=Quality("probed", loss, loss, loss, "its weights"))
        for level in profile.levels
        for loss in [0.001 if level.level == "Q4_K_M" else 0.1]
    ]
    picker.take_profile(replace(profile, levels=tuple(known)))
    assert (ticked(picker), picker.better_level) == (["Q6_K"], "Q4_K_M")


def test_a_server_leaves_the_ticks(picker: LevelPicker) -> None:
    show(picker, ONE_DEVICE)
    choose(picker.advice.use, "GPU server")
    assert "vLLM" in picker.advice.sentence.whole_text
    assert ticked(picker) == ["Q6_K"]
    assert "Recommended" not in captions(picker, LEVEL)


def test_special_levels_are_reckoned_with_when_they_come(picker: LevelPicker, qtbot: QtBot) -> None:
    profile = show(picker, ONE_DEVICE)
    plan(picker, checkpoint_profile(ONE_DEVICE, levels=ALL_LEVELS))
    qtbot.waitUntil(lambda: WAITING not in texts(picker, MEMORY), timeout=5000)
    assert len(texts(picker, MEMORY)) == len(ALL_LEVELS)
    assert texts(picker, MEMORY)[0].startswith("≈ ")
    assert not texts(picker, MEMORY)[-1].startswith("≈")
    assert len(profile.levels) == len(USUAL_LEVELS)


def test_no_level_is_recommended_before_all_are_planned(picker: LevelPicker) -> None:
    profile = checkpoint_profile(NO_DEVICE)
    picker.begin_planning()
    smallest, *others = profile.levels
    for levels in ((smallest,), others):
        plan(picker, replace(profile, levels=tuple(levels)))
        picker.take_profile(profile)
        assert ticked(picker) == []
    picker.finish_planning()
    assert ticked(picker) == [picker.recommended_level]


def test_what_is_unknown_is_said_and_never_a_figure(picker: LevelPicker) -> None:
    profile = checkpoint_profile(ONE_DEVICE)
    plan(picker, profile)
    picker.take_profile(replace(profile, samples=()))
    assert set(texts(picker, MEMORY)) == set(texts(picker, FIT)) == {"unknown"}
    assert "load this model, so its memory use is unknown" in picker.table.item(0, FIT).toolTip()
    assert picker.advice.sentence.whole_text.startswith("Recommended: Q4_K_M — a good balance")


def test_facts_that_never_come_are_said(picker: LevelPicker) -> None:
    plan(picker, checkpoint_profile(ONE_DEVICE))
    picker.finder.failed.emit("There is no such model.")
    assert set(texts(picker, FIT)) == {"unknown"}
    assert picker.advice.sentence.whole_text == "There is no such model."
    assert ticked(picker) == ["Q4_K_M"]


def test_odd_facts_harm_nothing(picker: LevelPicker) -> None:
    profile = checkpoint_profile(ONE_DEVICE, trained_context=512)
    empty = replace(profile.hardware, ram_free_bytes=0, ram_total_bytes=0, devices=())
    nothing = replace(profile, levels=(), caches=(), samples=(), largest_context=0)
    shape = replace(profile.shape, layers=0, trained_context=0, vocabulary=0)
    shapeless = replace(profile, shape=shape, caches=())
    plan(picker, profile)
    for odd in (replace(profile, hardware=empty), nothing, shapeless, replace(profile, caches=())):
        picker.take_profile(odd)
        picker.strip.context.slider.setValue(0)
        picker.grab()
    picker.take_profile(profile)
    assert WAITING not in texts(picker, FIT)


def test_adapters_have_sizes_alone(picker: LevelPicker) -> None:
    picker.offer_sizes_alone()
    plan(picker, checkpoint_profile(ONE_DEVICE, levels=("F16", "F32")))
    assert picker.table.isColumnHidden(MEMORY)
    assert picker.table.isColumnHidden(FIT)
    assert not picker.strip.isVisible()
    assert not picker.advice.isVisible()


def test_every_cell_tells_screen_readers_all_of_it(picker: LevelPicker) -> None:
    show(picker, ONE_DEVICE)
    row = texts(picker, LEVEL).index("Q6_K")
    spoken = [
        picker.table.model()
        .index(row, column, QModelIndex())
        .data(Qt.ItemDataRole.AccessibleTextRole)
        for column in range(picker.table.columnCount())
    ]
    assert spoken[LEVEL] == "Q6_K, Recommended"
    assert spoken[SIZE] == "6.56 GB, 6.56 bits per weight"
    assert "CUDA0: weights" in spoken[MEMORY]
    assert "All on the GPU, 1.04 GB to spare" in spoken[FIT]
    assert all(spoken)
    table = QAccessible.queryAccessibleInterface(picker.table)
    assert table is not None
    assert table.text(QAccessible.Text.Name) == "Levels"
    controls = [*picker.findChildren(QSlider), *picker.findChildren(QAbstractSpinBox)]
    assert all(control.accessibleName() for control in controls)


def test_speed_and_quality_are_marked_as_what_they_are(picker: LevelPicker) -> None:
    quality = Quality("typical", 0.031, 0.009, 0.043, "Llama 3 8B")
    profile = checkpoint_profile(ONE_DEVICE, levels=("Q4_K_M",))
    level = replace(profile.levels[0], quality=quality)
    row = LevelPrediction(level, speed=PredictedSpeed(310.4, 12.3))
    planned = LevelPlanned("Q4_K_M", profile.levels[0].size_bytes or 0, 4.89, "/nowhere")
    *_, speed, grade = prediction_cells(planned, row, "")
    assert (speed.text, "predicted" in speed.tool_tip) == ("≈ 12 t/s", True)
    assert "310" in speed.spoken
    disturbed = replace(row, speed=PredictedSpeed(310.4, 12.3, is_disturbed=True))
    told = prediction_cells(planned, disturbed, "")[2]
    # The table says it once for all rows.
    assert (told.text, told.caption) == ("≈ 12 t/s", "")
    assert "measured while other programs were busy" in told.tool_tip
    unknown = replace(row, speed=None, speed_problem="It broke.")
    assert prediction_cells(planned, unknown, "")[2].spoken == "unknown: It broke."
    assert (grade.text, grade.caption) == ("Good", "KL 0.009–0.04 (typical)")
    assert grade.short == "KL 0.009–0.04"
    quality = Quality("measured", 0.0313, 0.0313, 0.0313, "measured here")
    measured = replace(row, profile=replace(level, quality=quality))
    assert prediction_cells(planned, measured, "")[-1].caption == "KL 0.031 (measured)"
    bare = prediction_cells(planned, replace(row, profile=replace(level, quality=None)), "")[-1]
    assert "KL" not in bare.caption


@pytest.mark.parametrize("width", [560, 650, 900])
def test_no_column_is_cut_off(picker: LevelPicker, width: int) -> None:
    profile = show(picker, ONE_DEVICE)
    rows = [LevelPrediction(level, speed=PredictedSpeed(1.0, 1.0)) for level in profile.levels]
    picker.table.show_predictions(rows)
    picker.window().resize(width, 700)
    header = picker.table.horizontalHeader()
    assert header.length() <= picker.table.viewport().width()
    assert not picker.table.isColumnHidden(SPEED)
    assert picker.table.isColumnHidden(MEMORY) == (width < 690)


@pytest.mark.parametrize("width", [560, 650, 900])
def test_neither_a_fast_speed_nor_the_fit_is_cut(picker: LevelPicker, width: int) -> None:
    profile = show(picker, ONE_DEVICE)
    rows = [
        LevelPrediction(level, speed=PredictedSpeed(9000.0, 24_123.0)) for level in profile.levels
    ]
    picker.table.show_predictions(rows)
    picker.window().resize(width, 700)
    text = picker.table.cell(0, SPEED).text
    assert text == "≈ 24,123 t/s"
    edges = 2 * (SPACING.small + SIZES.item_margin)
    metrics = picker.table.itemDelegate()._metrics[False]
    assert metrics.horizontalAdvance(text) <= picker.table.columnWidth(SPEED) - edges
    mark = SIZES.small_icon + SPACING.tiny
    room = picker.table.columnWidth(FIT) - edges - mark
    assert metrics.horizontalAdvance("All on the GPU") <= room


@pytest.mark.parametrize(("width", "is_short"), [(600, True), (1200, False)])
def test_a_column_has_one_form_of_a_figure(
    picker: LevelPicker, monkeypatch: pytest.MonkeyPatch, width: int, is_short: bool
) -> None:
    profile = show(picker, ONE_DEVICE)
    bands = [(0.02, 0.1), (0.009, 0.06)]
    rows = [
        LevelPrediction(
            replace(level, quality=Quality("typical", low, low, high, "Llama 3 8B")),
            speed=PredictedSpeed(1.0, 1.0),
        )
        for level, (low, high) in zip(profile.levels, bands * 9, strict=False)
    ]
    picker.table.show_predictions(rows)
    delegate = picker.table.itemDelegate()
    assert isinstance(delegate, LevelDelegate)
    written: list[str] = []
    write = delegate._write

    def note(painter: QPainter, line: QRect, text: str, *rest: object, **options: bool) -> None:
        written.append(text)
        write(painter, line, text, *rest, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(delegate, "_write", note)
    picker.window().resize(width, 700)
    written.clear()
    picker.table.grab()
    figures = {text for text in written if text.startswith("KL ")}
    ends = "" if is_short else " (typical)"
    assert figures == {f"KL 0.02–0.1{ends}", f"KL 0.009–0.06{ends}"}


def test_rough_speeds_are_told_once_below_the_table(picker: LevelPicker) -> None:
    note = picker.legend.note
    profile = show(picker, ONE_DEVICE)
    picker.take_profile(with_rates(profile))
    assert note.isHidden()
    picker.take_profile(with_rates(profile, is_disturbed=True))
    assert not note.isHidden()
    assert "rough figures" in note.whole_text
    picker.reset("Q4_K_M")
    assert note.isHidden()


def test_captions_are_whole_where_there_is_room(picker: LevelPicker) -> None:
    quality = Quality("probed", 0.0028, 0.0009, 0.0071, "its weights")
    profile = show(picker, ONE_DEVICE)
    rows = [
        LevelPrediction(
            replace(level, quality=quality), speed=PredictedSpeed(1.0, 1.0, is_disturbed=True)
        )
        for level in profile.levels
    ]
    picker.table.show_predictions(rows)
    picker.window().resize(1000, 700)
    assert picker.table.columnWidth(FIT) < picker.table.columnWidth(QUALITY)
    metrics = picker.table.itemDelegate()._metrics[True]
    caption = picker.table.cell(0, QUALITY).caption
    room = picker.table.columnWidth(QUALITY) - 2 * SPACING.small
    assert metrics.horizontalAdvance(caption) <= room, caption
    picker.window().resize(700, 700)
    assert picker.table.horizontalHeader().length() <= picker.table.viewport().width()


def test_rows_are_grouped_by_bits_and_sorted_by_size(picker: LevelPicker) -> None:
    sizes = {"Q4_1": 98, "Q8_0": 145, "Q6_K": 138, "Q4_K_M": 105, "Q2_K": 88, "F32": 540}
    sizes |= {"Q5_K_M": 112, "Q5_0": 104, "IQ1_S": 60}
    for level, size in sizes.items():
        picker.show_level(LevelPlanned(level, size, 4.0, ""))
    order = ["IQ1_S", "Q2_K", "Q4_1", "Q4_K_M", "Q5_0", "Q5_K_M", "Q6_K", "Q8_0", "F32"]
    assert texts(picker, LEVEL) == order
    begins = [picker.table.item(row, 0).data(GROUP_ROLE) for row in range(len(order))]
    assert [level for level, first in zip(order, begins, strict=True) if first] == [
        "Q4_1",
        "Q5_0",
        "Q6_K",
    ]
    # Another size moves the row; its tick and the keyboard's place go along.
    tick(picker, "Q4_1")
    picker.table.setCurrentCell(order.index("Q4_1"), 0)
    picker.show_level(LevelPlanned("Q4_1", 110, 5.0, ""))
    assert texts(picker, LEVEL)[2:4] == ["Q4_K_M", "Q4_1"]
    assert ticked(picker) == ["Q4_1"]
    assert picker.table.currentRow() == 3


def test_spare_memory_is_told_only_where_it_is_scarce(picker: LevelPicker) -> None:
    show(picker, ONE_DEVICE)
    told = dict(zip(texts(picker, LEVEL), captions(picker, FIT), strict=True))
    assert told["Q4_K_M"] == ""
    assert told["Q6_K"] == "1.04 GB to spare"


def test_the_whole_row_under_the_pointer_is_marked(picker: LevelPicker, qtbot: QtBot) -> None:
    show(picker, ONE_DEVICE)
    table = picker.table
    row = 1
    place = table.visualRect(table.model().index(row, QUALITY)).center()
    qtbot.mouseMove(table.viewport(), place)
    qtbot.waitUntil(lambda: table.look.hovered_row == row, timeout=5000)
    option = QStyleOptionViewItem()
    table.itemDelegate().initStyleOption(option, table.model().index(row, LEVEL))
    assert option.state & QStyle.StateFlag.State_MouseOver


@pytest.mark.slow
@pytest.mark.usefixtures("known_machine")
def test_a_child_finds_the_facts_of_a_checkpoint(
    window: MainWindow, qtbot: QtBot, tmp_path: Path, converter: Path
) -> None:
    window.show_page("convert")
    page = window.convert
    page.start_with(str(make_tiny_checkpoint(tmp_path / "tiny")))
    picker = page.levels_step.picker
    qtbot.waitUntil(lambda: page.session._checker is None, timeout=120_000)
    qtbot.waitUntil(lambda: not picker.finder.is_busy, timeout=120_000)
    qtbot.waitUntil(lambda: WAITING not in texts(picker, MEMORY), timeout=10_000)
    assert set(texts(picker, FIT)) == {"In RAM"}
    assert not any(text.startswith("≈") for text in texts(picker, MEMORY))
    (level,) = page.levels_step.chosen_levels()
    assert picker.advice.sentence.whole_text.startswith(f"Recommended: {level} — ")
    assert picker.strip.options.context <= LoadOptions().context


def test_the_only_level_is_ticked_until_there_are_others_again(
    picker: LevelPicker,
) -> None:
    profile = show(picker, NO_DEVICE)
    picker.table.finish()
    picker.table.mark_outdated()
    picker.show_level(LevelPlanned("Q3_K_S", 10, 3.6, "/nowhere/a-3.60bpw-Q3_K_S.gguf"))
    picker.table.finish()
    assert [planned.level for planned in picker.table.ticked()] == ["Q3_K_S"]
    picker.table.mark_outdated()
    plan(picker, profile)
    picker.table.finish()
    picker.take_profile(profile)
    assert [planned.level for planned in picker.table.ticked()] == [picker.recommended_level]
