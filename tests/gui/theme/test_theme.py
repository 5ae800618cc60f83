"""The theme styles the application, follows the system and announces changes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

import app.gui
from app.gui.theme.glyphs import glyph_urls
from app.gui.theme.style import apply_theme
from app.gui.theme.style_sheet import style_sheet_of
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import DARK, LIGHT

GUI = Path(app.gui.__file__).parent
SOURCES = [file for file in GUI.rglob("*.py") if file.name != "tokens.py"]


@pytest.fixture(scope="module")
def theme(qapp: QApplication) -> Iterator[Theme]:
    # Windows of other tests, already closed, would follow the system's colors, too.
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    made = apply_theme(qapp, "light")
    yield made
    made.choose("light")


@pytest.mark.parametrize(("choice", "colors"), [("light", LIGHT), ("dark", DARK)])
def test_a_choice_dresses_the_application(theme: Theme, qtbot: QtBot, choice, colors) -> None:
    with qtbot.waitSignal(theme.changed):
        theme.choose(choice)
    window = QApplication.palette().color(QPalette.ColorRole.Window)
    assert window.name().upper() == colors.ground
    assert theme.colors is colors
    assert theme.is_dark == (colors is DARK)


def test_system_follows_the_system_while_running(theme: Theme) -> None:
    theme.choose("system")
    # The offscreen platform has no color scheme of its own that could change.
    changed = QGuiApplication.styleHints().colorSchemeChanged
    changed.emit(Qt.ColorScheme.Dark)
    assert theme.colors is DARK
    changed.emit(Qt.ColorScheme.Light)
    assert theme.colors is LIGHT


def test_a_chosen_theme_stays_when_the_system_changes(theme: Theme) -> None:
    theme.choose("light")
    QGuiApplication.styleHints().colorSchemeChanged.emit(Qt.ColorScheme.Dark)
    assert theme.colors is LIGHT


@pytest.mark.parametrize("colors", [LIGHT, DARK], ids=["light", "dark"])
def test_the_style_sheet_is_whole(qapp: QApplication, colors) -> None:
    sheet = style_sheet_of(colors, glyph_urls(colors))
    assert sheet.count("{") == sheet.count("}") > 50
    used = set(re.findall(r"#[0-9A-Fa-f]{6}\b", sheet))
    assert used <= {value for value in vars(colors).values() if isinstance(value, str)}
    assert "None" not in sheet


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: str(file.relative_to(GUI)))
def test_no_color_size_or_style_is_stated_outside_the_theme(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert not re.search(r"#[0-9A-Fa-f]{6}\b|\brgb\(|\bQt\.GlobalColor\.(?!transparent)", text)
    if file.parent.name != "theme":
        assert not re.search(r"\d ?px\b|setStyleSheet|setPixelSize|setPointSize", text)


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: str(file.relative_to(GUI)))
def test_labels_and_boxes_that_take_html_are_not_used(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    if file.name != "plain_label.py":
        assert not re.search(r"\bQLabel\(|\bQMessageBox\b", text)
    if file.name != "prose.py":
        assert "QTextBrowser(" not in text
    assert "setHtml(" not in text
    for call in re.findall(r"setToolTip\(([^\n]*)", text):
        assert call.startswith(("plain_tool_tip(", '""')) or "plain_tool_tip" in call
