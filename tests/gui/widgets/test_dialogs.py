"""Every dialog dismisses at the left and acts at the right, in the program's own look."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QPushButton,
)
from pytestqt.qtbot import QtBot

import app.gui
from app.gui.theme.theme import Theme
from app.gui.widgets.confirm_dialog import ConfirmDialog
from app.gui.widgets.name_dialog import NameDialog
from app.gui.widgets.text_dialog import TextDialog

GUI = Path(app.gui.__file__).parent
DISMISSING = {"Cancel", "Close"}


def last_row(dialog: QDialog) -> list[str]:
    """The labels of the two buttons at the lower right, from left to right."""
    buttons = [b for b in dialog.findChildren(QPushButton) if b.isVisible()]
    lowest = max(b.mapTo(dialog, b.rect().center()).y() for b in buttons)
    row = [b for b in buttons if abs(b.mapTo(dialog, b.rect().center()).y() - lowest) < 2]
    row.sort(key=lambda b: b.mapTo(dialog, b.rect().topLeft()).x())
    return [b.text() for b in row[-2:]]


def made(theme: Theme) -> list[QDialog]:
    return [
        ConfirmDialog(theme, "Delete?", "It is gone then.", ["a"], "Delete", is_destructive=True),
        ConfirmDialog(theme, "Open?", "Another program opens it.", ["a"], "Open"),
        NameDialog(theme, "Rename chat", "Title", "Old", "Rename"),
        TextDialog(theme, "Log", "a line"),
    ]


def test_the_action_is_at_the_right(theme: Theme, qtbot: QtBot) -> None:
    for dialog in made(theme):
        qtbot.addWidget(dialog)
        dialog.open()
        dismiss, act = last_row(dialog)
        assert dismiss in DISMISSING
        assert act not in DISMISSING
        dialog.close()


def test_no_button_is_cut(theme: Theme, qtbot: QtBot) -> None:
    long = "Read the weights of these pickle files as nothing but weights"
    dialogs = (
        *made(theme),
        ConfirmDialog(theme, "Open?", "Words.", [], long),
        NameDialog(theme, "Rename chat", "Title", "Old", long),
    )
    for dialog in dialogs:
        qtbot.addWidget(dialog)
        dialog.open()
        dialog.resize(1, 1)
        for button in dialog.findChildren(QPushButton):
            assert button.width() >= button.sizeHint().width(), button.text()
        dialog.close()


def test_only_what_destroys_is_filled_in_red(theme: Theme, qtbot: QtBot) -> None:
    for is_destructive in (True, False):
        dialog = ConfirmDialog(theme, "?", "", [], "Do it", is_destructive=is_destructive)
        qtbot.addWidget(dialog)
        dialog.open()
        place = dialog.confirm.rect().center()
        place.setY(dialog.confirm.height() - 5)
        color = dialog.confirm.grab().toImage().pixelColor(place).name().upper()
        assert (color == theme.colors.danger) is is_destructive
        dialog.close()


def test_a_name_is_given_trimmed_and_its_note_is_told(theme: Theme, qtbot: QtBot) -> None:
    dialog = NameDialog(theme, "Save", "Name", "", "Save", notes={"old": "This replaces it."})
    qtbot.addWidget(dialog)
    dialog.open()
    assert not dialog.save.isEnabled()
    dialog.line.setText("old")
    assert dialog._note.whole_text == "This replaces it."
    dialog.line.setText("  new ")
    with qtbot.waitSignal(dialog.named) as blocker:
        dialog.save.click()
    assert blocker.args == ["new"]


@pytest.mark.usefixtures("theme")
def test_buttons_of_qt_have_no_icons(qtbot: QtBot) -> None:
    both = QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
    box = QDialogButtonBox(both)
    qtbot.addWidget(box)
    box.show()
    assert all(button.icon().isNull() for button in box.buttons())


@pytest.mark.parametrize("file", sorted(GUI.rglob("*.py")), ids=lambda f: str(f.relative_to(GUI)))
def test_no_dialog_of_qt_asks(file: Path) -> None:
    asked = re.compile(r"\b(QInputDialog|QMessageBox|QDialogButtonBox)\(|getText\(")
    assert not asked.search(file.read_text())
