"""Every drop-down list of the pages and dialogs is whole and in sight."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QRect
from PySide6.QtWidgets import QApplication, QComboBox, QStyle, QStyleOptionViewItem
from pytestqt.qtbot import QtBot

from app.core.load_options import LoadOptions
from app.gui.levels.advice_row import AdviceRow
from app.gui.levels.load_strip import LoadStrip
from app.gui.pages.convert.advanced_card import AdvancedCard
from app.gui.pages.convert.overrides_list import OverridesList
from app.gui.shell.window import PAGES, MainWindow
from tests.gui.drop_downs import faults_of_lists

LONG = "a model with a name of many words " * 4


@pytest.mark.parametrize("width", [820, 1000])
def test_every_list_of_every_page_is_in_sight(window: MainWindow, qtbot: QtBot, width: int) -> None:
    settings = window._workbench.settings
    settings.change(presets={LONG: LoadOptions(), "short": LoadOptions(context=512)})
    window.resize(width, 700)
    window.chat.picker.box.addItems([LONG, "short", *map(str, range(20))])
    window.chat.picker.box.setEnabled(True)
    for page in PAGES:
        window.show_page(page)
        assert list(faults_of_lists(window)) == []
    window.show_options("/nowhere/made-up.gguf", "Made up")
    assert list(faults_of_lists(window.load_options)) == []
    assert len(window.load_options.findChildren(QComboBox)) > 2
    window.load_options.reject()


def test_every_list_of_the_wizard_is_in_sight(window: MainWindow, qtbot: QtBot) -> None:
    advanced, overrides = AdvancedCard(window.theme), OverridesList(window.theme)
    advanced.set_open(True)
    overrides.add_line()
    for part in (advanced, overrides, AdviceRow(), LoadStrip()):
        qtbot.addWidget(part)
        part.show()
        qtbot.waitExposed(part)
        assert part.findChildren(QComboBox)
        assert list(faults_of_lists(part)) == []


def test_the_current_entry_begins_where_the_others_do(window: MainWindow, qtbot: QtBot) -> None:
    window.show_page("convert")
    box = window.convert.levels_step.picker.advice.use
    view, delegate = box.view(), box.itemDelegate()
    index = box.model().index(0, 0)
    lefts = set()
    for state in (
        QStyle.StateFlag.State_Enabled,
        QStyle.StateFlag.State_Enabled | QStyle.StateFlag.State_Selected,
        QStyle.StateFlag.State_Enabled
        | QStyle.StateFlag.State_Selected
        | QStyle.StateFlag.State_HasFocus,
    ):
        option = QStyleOptionViewItem()
        option.initFrom(view)
        option.rect = QRect(0, 0, 240, 32)
        delegate.initStyleOption(option, index)
        option.state = state
        part = QStyle.SubElement.SE_ItemViewItemText
        lefts.add(view.style().subElementRect(part, option, view).left())
    assert len(lefts) == 1


def test_a_field_shows_its_longest_value_whole(window: MainWindow) -> None:
    window.show_page("convert")
    window.convert._show_step(1)
    step = window.convert.levels_step
    step._show_levels()
    window.resize(820, 560)
    QApplication.processEvents()
    use = step.picker.advice.use
    for row in range(use.count()):
        use.setCurrentIndex(row)
        assert use._elided(use.currentText()) == use.currentText()
