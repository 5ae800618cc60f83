"""Controls emit what the user did, can be reached with the keyboard and have names."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest
from PySide6.QtCore import QEvent, QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QGuiApplication, QHelpEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QStyleOptionButton,
    QToolTip,
    QVBoxLayout,
    QWidget,
)
from pytestqt.qtbot import QtBot

from app.core.pace import Pace
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SIZE
from app.gui.widgets.auto_spin_box import AutoSpinBox
from app.gui.widgets.button import Button
from app.gui.widgets.copy_button import CopyButton
from app.gui.widgets.eliding_button import ElidingButton
from app.gui.widgets.empty_state import EmptyState
from app.gui.widgets.form_row import FormRow
from app.gui.widgets.icon_button import IconButton
from app.gui.widgets.item_table import ItemTable
from app.gui.widgets.notice_bar import NoticeBar
from app.gui.widgets.number_box import NumberBox
from app.gui.widgets.path_field import PathField
from app.gui.widgets.plain_label import PlainLabel
from app.gui.widgets.plain_text import unbroken
from app.gui.widgets.progress_row import ProgressRow
from app.gui.widgets.segmented_choice import SegmentedChoice


def button_named(widget: QWidget, words: str) -> QPushButton:
    return next(b for b in widget.findChildren(QPushButton) if b.text() == words)


def test_an_icon_button_says_what_it_does(theme: Theme, qtbot: QtBot) -> None:
    button = IconButton(theme, "send", "Send <now>")
    qtbot.addWidget(button)
    assert button.accessibleName() == "Send <now>"
    assert "&lt;now&gt;" in button.toolTip()
    assert button.focusPolicy() & Qt.FocusPolicy.TabFocus


@pytest.mark.parametrize("key", [Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space])
def test_enter_presses_the_button_with_the_focus(theme: Theme, qtbot: QtBot, key) -> None:
    dialog = QDialog()
    qtbot.addWidget(dialog)
    row = QHBoxLayout(dialog)
    cancel, default = Button(theme, "Cancel"), Button(theme, "Delete", "destructive")
    copy = IconButton(theme, "copy", "Copy")
    default.setDefault(True)
    for button in (cancel, copy, default):
        row.addWidget(button)
    dialog.show()
    for button in (cancel, copy):
        button.setFocus()
        with qtbot.assertNotEmitted(default.clicked), qtbot.waitSignal(button.clicked):
            qtbot.keyClick(button, key)


def test_buttons_take_the_colors_of_the_other_theme(theme: Theme, qtbot: QtBot) -> None:
    button = Button(theme, "Copy", icon_name="copy")
    qtbot.addWidget(button)
    light = button.icon().pixmap(16, 16).toImage()
    theme.choose("dark")
    dark = button.icon().pixmap(16, 16).toImage()
    theme.choose("light")
    assert light != dark
    assert button.icon().pixmap(16, 16).toImage() == light


def test_an_automatic_number_is_none_until_it_is_set(theme: Theme, qtbot: QtBot) -> None:
    field = AutoSpinBox("Threads", 1, 64, 8)
    qtbot.addWidget(field)
    assert field.value is None
    number, box = field.findChild(QSpinBox), field.findChild(QAbstractButton)
    assert not number.isEnabled()
    with qtbot.waitSignal(field.changed):
        box.click()
    assert field.value == 8
    with qtbot.waitSignal(field.changed):
        number.setValue(12)
    assert field.value == 12
    with qtbot.assertNotEmitted(field.changed):
        field.set_value(None)
        field.set_value(30)
    assert field.value == 30
    assert number.accessibleName() == "Threads"


def test_segments_are_chosen_with_the_mouse_and_the_arrows(theme: Theme, qtbot: QtBot) -> None:
    choices = [("system", "System"), ("light", "Light"), ("dark", "Dark")]
    field = SegmentedChoice(theme, "Theme", choices)
    qtbot.addWidget(field)
    field.show()
    with qtbot.waitSignal(field.changed) as blocker:
        button_named(field, "Dark").click()
    assert blocker.args == ["dark"]
    assert field.value == "dark"
    with qtbot.waitSignal(field.changed):
        qtbot.keyClick(button_named(field, "Dark"), Qt.Key.Key_Left)
    assert field.value == "light"
    with qtbot.assertNotEmitted(field.changed):
        field.set_value("system")
    assert field.value == "system"


def test_a_path_is_told_once(theme: Theme, qtbot: QtBot) -> None:
    field = PathField(theme, "Model folder", hint="default")
    qtbot.addWidget(field)
    line = field.findChild(QLineEdit)
    line.setText("  /models ")
    with qtbot.waitSignal(field.changed) as blocker:
        qtbot.keyClick(line, Qt.Key.Key_Return)
    assert blocker.args == ["/models"]
    with qtbot.assertNotEmitted(field.changed):
        qtbot.keyClick(line, Qt.Key.Key_Return)
        field.set_path("/other")
    assert field.path == "/other"


@pytest.mark.parametrize(
    ("words", "picker", "picked"),
    [
        ("Folder…", "getExistingDirectory", "/models/one"),
        ("File…", "getOpenFileName", ("/models/one.gguf", "GGUF")),
    ],
)
def test_a_folder_or_a_file_is_picked(
    theme: Theme,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
    words: str,
    picker: str,
    picked: str | tuple[str, str],
) -> None:
    field = PathField(theme, "Source", "either")
    qtbot.addWidget(field)
    monkeypatch.setattr(QFileDialog, picker, lambda *_: picked)
    button = button_named(field, words)
    assert "Source" in button.accessibleName()
    with qtbot.waitSignal(field.changed) as blocker:
        button.click()
    assert blocker.args == [picked if isinstance(picked, str) else picked[0]]


@pytest.mark.parametrize(
    ("kind", "name", "is_taken"),
    [("folder", "models", True), ("folder", "a.txt", False), ("file", "a.txt", True)],
)
def test_what_is_dropped_on_a_path_is_entered(
    theme: Theme,
    qtbot: QtBot,
    tmp_path: Path,
    kind: Literal["folder", "file"],
    name: str,
    is_taken: bool,
) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "a.txt").touch()
    field = PathField(theme, "Path", kind)
    qtbot.addWidget(field)
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path / name))])
    how = (Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    entering = QDragEnterEvent(QPoint(9, 9), Qt.DropAction.CopyAction, data, *how)
    field.dragEnterEvent(entering)
    assert entering.isAccepted() is is_taken
    field.dropEvent(QDropEvent(QPointF(9, 9), Qt.DropAction.CopyAction, data, *how))
    assert field.path == (str(tmp_path / name) if is_taken else "")


def test_a_form_row_names_its_control(theme: Theme, qtbot: QtBot) -> None:
    number = QSpinBox()
    row = FormRow("Context", "How many tokens the model sees.", number)
    qtbot.addWidget(row)
    assert number.accessibleName() == "Context"
    assert number.accessibleDescription() == "How many tokens the model sees."


def test_a_notice_offers_what_can_be_done(theme: Theme, qtbot: QtBot) -> None:
    bar = NoticeBar(theme)
    qtbot.addWidget(bar)
    assert bar.isHidden()
    bar.show_notice("error", "<b>Broken</b>", [("retry", "Retry"), ("log", "Show log")])
    assert not bar.isHidden()
    assert bar.text == "<b>Broken</b>"
    assert bar.accessibleName() == "Error: <b>Broken</b>"
    with qtbot.waitSignal(bar.acted) as blocker:
        button_named(bar, "Show log").click()
    assert blocker.args == ["log"]
    bar.show_notice("info", "Other")
    assert "Retry" not in [b.text() for b in bar.findChildren(QPushButton) if b.isVisible()]
    with qtbot.waitSignal(bar.dismissed):
        bar.findChild(IconButton).click()
    assert bar.isHidden()


def shown_words(widget: QWidget) -> list[str]:
    labels = widget.findChildren(PlainLabel)
    return [label.whole_text for label in labels if not label.isHidden() and label.whole_text]


def test_progress_says_speed_and_time_left(theme: Theme, qtbot: QtBot) -> None:
    row = ProgressRow(theme, "<model>")
    qtbot.addWidget(row)
    pace = Pace()
    pace.observe(0, 0.0)
    row.show_progress(0, 2_000_000_000, pace)
    assert "0 B / 2.00 GB · measuring speed…" in shown_words(row)
    pace.observe(500_000_000, 5.0)
    row.show_progress(500_000_000, 2_000_000_000, pace)
    assert "500 MB / 2.00 GB · 100 MB/s · 15 s left" in shown_words(row)
    row.show_progress(500_000_000, 2_000_000_000, pace, shows_bytes=False)
    assert "25% · 15 s left" in shown_words(row)
    row.show_progress(500_000_000, 0, pace)
    assert "500 MB · 100 MB/s · total size unknown" in shown_words(row)
    with qtbot.waitSignal(row.canceled):
        row.findChild(IconButton).click()
    row.show_failed("No room.")
    assert shown_words(row) == ["<model>", "No room."]
    assert row.findChild(IconButton).isHidden()
    row.show_finished("Saved.")
    assert shown_words(row) == ["<model>", "Saved."]


def test_an_empty_state_leads_on(theme: Theme, qtbot: QtBot) -> None:
    state = EmptyState(theme, "models", "No models yet", "Get one.", "Get a model")
    qtbot.addWidget(state)
    with qtbot.waitSignal(state.acted):
        button_named(state, "Get a model").click()
    state.show_state("warning", "Offline", "The Hub can't be reached.")
    assert shown_words(state) == ["Offline", "The Hub can't be reached."]
    assert state.findChild(Button).isHidden()


def test_a_long_text_of_a_button_is_elided_and_in_its_tool_tip(theme: Theme, qtbot: QtBot) -> None:
    words = "Continue with " + "A-Long-Name-" * 9 + "Q4_K_M"
    button = ElidingButton(theme, words)
    qtbot.addWidget(button)
    button.resize(SIZE.field, button.sizeHint().height())
    button.show()
    option = QStyleOptionButton()
    button.initStyleOption(option)
    assert "…" in option.text
    assert option.text.endswith("Q4_K_M")
    assert button.accessibleName() == words
    middle = button.rect().center()
    QApplication.sendEvent(
        button, QHelpEvent(QEvent.Type.ToolTip, middle, button.mapToGlobal(middle))
    )
    assert words in unbroken(QToolTip.text())
    QToolTip.hideText()


def test_a_copy_button_may_say_what_it_copies(theme: Theme, qtbot: QtBot) -> None:
    button = CopyButton(theme, "Copy as command line", lambda: "x", words="Copy as command line")
    qtbot.addWidget(button)
    width = button.minimumWidth()
    button.click()
    assert button.text() == "Copied"
    qtbot.waitUntil(lambda: button.text() == "Copy as command line")
    assert button.sizeHint().width() <= width


def test_a_stacked_form_row_gives_its_control_the_whole_width(theme: Theme, qtbot: QtBot) -> None:
    line = QLineEdit()
    row = FormRow("Folder", "Where the files go.", line, stacked=True)
    qtbot.addWidget(row)
    row.resize(500, 100)
    row.show()
    assert line.width() == 500
    assert line.accessibleName() == "Folder"


@pytest.mark.parametrize("text", ["x", "a\n\tb  \u202e\u00a0", "", "é" * 5000])
def test_copy_gives_the_exact_text(theme: Theme, qtbot: QtBot, text: str) -> None:
    button = CopyButton(theme, "Copy message", lambda: text)
    qtbot.addWidget(button)
    width = button.sizeHint().width()
    with qtbot.waitSignal(button.copied):
        button.click()
    assert QGuiApplication.clipboard().text() == text
    assert button.text() == "Copied"
    assert button.minimumWidth() >= max(width, button.sizeHint().width())


def test_figures_in_a_table_are_aligned_to_the_right(theme: Theme, qtbot: QtBot) -> None:
    table = ItemTable("Levels", ["Level", "Size"], figures=(1,))
    qtbot.addWidget(table)
    row = table.add_row(["<b>Q4_K_M</b>", "4.08 GB"], ["", "3.80 GiB"])
    assert table.item(row, 0).text() == "<b>Q4_K_M</b>"
    assert table.item(row, 1).textAlignment() & Qt.AlignmentFlag.AlignRight
    assert "3.80 GiB" in table.item(row, 1).toolTip()


def test_a_number_beyond_the_bounds_can_be_typed_and_is_refused(qtbot: QtBot) -> None:
    box = NumberBox(32, 65_536)
    qtbot.addWidget(box)
    box.setValue(2048)
    box.setSuffix(" of many")
    for typed, fault, value in (
        ("9999999", "Enter a number from 32 to 65,536.", 2048),
        ("5", "Enter a number from 32 to 65,536.", 2048),
        ("4096", "", 4096),
    ):
        box.selectAll()
        qtbot.keyClicks(box, typed)
        with qtbot.waitSignal(box.validated) as validated:
            qtbot.keyClick(box, Qt.Key.Key_Return)
        assert validated.args == [fault]
        assert box.value() == value


@pytest.mark.parametrize(
    ("typed", "is_refused"),
    [("5", True), ("9", False), ("973", True), ("98", False), ("3646", True), ("3645", False)],
)
def test_a_number_is_refused_while_it_is_typed_once_no_digit_can_mend_it(
    qtbot: QtBot, typed: str, *, is_refused: bool
) -> None:
    box = NumberBox(974, 3_645)
    qtbot.addWidget(box)
    box.set_unit("kB")
    faults: list[str] = []
    box.validated.connect(faults.append)
    box.selectAll()
    qtbot.keyClicks(box, typed)
    assert faults[-1] == ("Enter a number from 974 to 3,645 kB." if is_refused else "")
    assert box.value() == 974


def test_tab_skips_a_table_while_it_is_empty(theme: Theme, qtbot: QtBot) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    column = QVBoxLayout(window)
    before, after = (Button(theme, words) for words in ("before", "after"))
    table = ItemTable("Levels", ["Level"])
    for widget in (before, table, after):
        column.addWidget(widget)
    window.show()
    qtbot.waitExposed(window)

    def next_one() -> QWidget:
        before.setFocus()
        qtbot.keyClick(before, Qt.Key.Key_Tab)
        return window.focusWidget()

    assert next_one() is after
    table.add_row(["Q4_K_M"])
    assert next_one() is table
    table.setRowCount(0)
    assert next_one() is after
