"""Every icon is one of our files, in one color, and is drawn in the colors of the theme."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtGui import QColor, QIcon
from PySide6.QtWidgets import QApplication, QFileDialog, QLineEdit, QToolButton
from pytestqt.qtbot import QtBot

import resources
from app.gui.theme.icons import ICON_NAMES, IconName, app_icon, icon, icon_svg
from app.gui.theme.style import apply_theme
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import DARK, LIGHT, SIZE

FOLDER = Path(resources.__file__).parent / "icons"


@pytest.fixture(scope="module")
def theme(qapp: QApplication) -> Theme:
    return apply_theme(qapp, "light")


def test_names_and_files_are_the_same() -> None:
    assert sorted(ICON_NAMES) == sorted(file.stem for file in FOLDER.glob("*.svg"))


@pytest.mark.parametrize("name", ICON_NAMES)
def test_an_icon_has_the_strokes_of_the_set_and_no_color_of_its_own(name: IconName) -> None:
    drawing = icon_svg(name, "currentColor")
    assert 'viewBox="0 0 20 20"' in drawing
    assert 'stroke-width="1.5"' in drawing
    assert 'stroke-linecap="round"' in drawing
    assert "#" not in drawing


@pytest.mark.parametrize("name", ICON_NAMES)
def test_an_icon_is_drawn_in_its_color_only(qapp: QApplication, name: IconName) -> None:
    image = icon(name, LIGHT, LIGHT.accent).pixmap(40, 40).toImage()
    drawn = [
        image.pixelColor(x, y)
        for x in range(image.width())
        for y in range(image.height())
        if image.pixelColor(x, y).alpha() == 255
    ]
    assert len(drawn) > 10
    wanted = QColor(LIGHT.accent)
    # Where strokes cross, blending rounds.
    assert all(abs(c.red() - wanted.red()) <= 2 for c in drawn)
    assert all(abs(c.blue() - wanted.blue()) <= 2 for c in drawn)


def test_a_disabled_icon_looks_disabled(qapp: QApplication) -> None:
    made = icon("check", DARK, DARK.accent)
    normal = made.pixmap(20, 20).toImage()
    disabled = made.pixmap(20, 20, QIcon.Mode.Disabled).toImage()
    assert normal != disabled


def test_the_app_icon_is_sharp_in_all_sizes(qapp: QApplication) -> None:
    sizes = {size.width() for size in app_icon().availableSizes()}
    assert {16, 32, 256} <= sizes
    assert not app_icon().pixmap(256, 256).toImage().allGray()


def test_fields_and_dialogs_of_qt_have_the_icons_of_the_house(
    theme: Theme, qtbot: QtBot, tmp_path: Path
) -> None:
    (tmp_path / "folder").mkdir()
    dialog = QFileDialog(None, "", str(tmp_path))
    dialog.setOption(QFileDialog.Option.DontUseNativeDialog)
    field = QLineEdit("words")
    field.setClearButtonEnabled(True)
    for widget in (dialog, field):
        qtbot.addWidget(widget)
        widget.show()
        qtbot.waitExposed(widget)
    shown = [button.icon() for button in dialog.findChildren(QToolButton) if button.isVisible()]
    shown += [button.icon() for button in field.findChildren(QToolButton)]
    assert len(shown) > 5
    wanted = QColor(theme.colors.muted)
    for picture in shown:
        image = picture.pixmap(32, 32).toImage()
        drawn = [
            image.pixelColor(x, y)
            for x in range(image.width())
            for y in range(image.height())
            if image.pixelColor(x, y).alpha() == 255
        ]
        assert drawn
        assert all(abs(color.hue() - wanted.hue()) <= 12 for color in drawn)


def test_the_mark_that_clears_a_line_is_in_its_middle(theme: Theme, qtbot: QtBot) -> None:
    field = QLineEdit("words")
    field.setClearButtonEnabled(True)
    qtbot.addWidget(field)
    field.resize(200, SIZE.control)
    field.show()
    button = field.findChild(QToolButton)
    assert abs(button.geometry().center().y() - field.rect().center().y()) <= 1
