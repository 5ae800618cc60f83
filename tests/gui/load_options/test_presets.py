"""Presets: saved by name, applied, deleted, exported and imported, whatever a file holds."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication, QDialog
from pytestqt.qtbot import QtBot

from app.core.load_options import LoadOptions, load_options_of
from app.core.settings import load_settings
from app.gui.pages.settings.load_defaults import LoadDefaultsSection
from app.gui.shell.window import MainWindow
from app.gui.widgets.confirm_dialog import ConfirmDialog
from app.gui.widgets.name_dialog import NameDialog

LONG = LoadOptions(context=32768, cache_type_k="q8_0", cache_type_v="q8_0")


@pytest.fixture
def section(window: MainWindow) -> LoadDefaultsSection:
    window.show_page("settings")
    return window.settings.loading


def shown(kind: type[QDialog]) -> QDialog:
    return next(
        widget
        for widget in QApplication.topLevelWidgets()
        if isinstance(widget, kind) and widget.isVisible()
    )


def saved() -> dict[str, LoadOptions]:
    return load_settings()[0].presets


def save(section: LoadDefaultsSection, qtbot: QtBot, name: str) -> None:
    section.presets.save_button.click()
    dialog = shown(NameDialog)
    assert isinstance(dialog, NameDialog)
    dialog.line.clear()
    assert not dialog.save.isEnabled()
    qtbot.keyClicks(dialog.line, name)
    dialog.save.click()


def test_a_preset_is_saved_applied_and_deleted(section: LoadDefaultsSection, qtbot: QtBot) -> None:
    bar = section.presets
    assert not bar.box.isEnabled()
    section.form.set_options(LONG)
    save(section, qtbot, "  long <b>documents</b> ")
    assert saved() == {"long <b>documents</b>": LONG}
    assert bar.shown_name() == "long <b>documents</b>"
    section.form.context.number.setValue(4096)
    assert bar.shown_name() == ""
    bar.box.setCurrentIndex(0)
    bar.box.activated.emit(0)
    assert section.form.options == LONG
    assert load_options_of(load_settings()[0]) == LONG
    bar.delete_action.trigger()
    dialog = shown(ConfirmDialog)
    assert isinstance(dialog, ConfirmDialog)
    dialog.confirm.click()
    assert saved() == {}
    assert section.form.options == LONG


def test_saving_under_the_same_name_replaces_and_says_so(
    section: LoadDefaultsSection, qtbot: QtBot
) -> None:
    section.form.set_options(LONG)
    save(section, qtbot, "mine")
    section.form.set_options(LoadOptions(threads=3))
    section.presets.save_button.click()
    dialog = shown(NameDialog)
    assert isinstance(dialog, NameDialog)
    dialog.line.setText("mine")
    assert "replaces" in dialog._note.whole_text
    dialog.save.click()
    assert saved() == {"mine": LoadOptions(threads=3)}


def test_what_is_exported_can_be_imported(
    section: LoadDefaultsSection, qtbot: QtBot, tmp_path: Path
) -> None:
    section.form.set_options(LONG)
    section.presets.export_to(str(tmp_path / "long"))
    section.form.set_options(LoadOptions())
    section.presets.import_from(str(tmp_path / "long.json"))
    assert section.form.options == LONG
    assert saved() == {"long": LONG}
    section.presets.import_from(str(tmp_path / "long.json"))
    assert saved() == {"long": LONG}
    section.form.set_options(LoadOptions(threads=3))
    section.presets.save_as("long")
    section.presets.import_from(str(tmp_path / "long.json"))
    assert saved() == {"long": LoadOptions(threads=3), "long (2)": LONG}


def test_a_file_that_is_no_preset_is_said_and_changes_nothing(
    section: LoadDefaultsSection, window: MainWindow, tmp_path: Path
) -> None:
    before = section.form.options
    for name, content in {
        "empty.json": b"",
        "bounds.json": b'{"version": 1, "name": "a", "options": {"context": 1}}',
        "newer.json": b'{"version": 2, "name": "a", "options": {}}',
    }.items():
        (tmp_path / name).write_bytes(content)
        section.presets.import_from(str(tmp_path / name))
        assert f"{name} is not a valid preset" in window.settings.notice.text
    section.presets.import_from(str(tmp_path / "absent.json"))
    assert "absent.json can't be read" in window.settings.notice.text
    assert section.form.options == before
    assert saved() == {}


def test_an_export_that_is_not_possible_is_said(
    section: LoadDefaultsSection, window: MainWindow, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    section.presets.export_to(str(tmp_path / "file" / "preset.json"))
    assert window.settings.notice.isVisible()
