from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from PySide6.QtCore import QEvent, QMimeData, QObject, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent
from PySide6.QtWidgets import QAbstractButton, QApplication, QLineEdit, QWidget
from pytestqt.qtbot import QtBot

from app.core import paths
from app.core.settings import Settings, load_settings
from app.gui.services.engine import EngineFailed
from app.gui.shell.window import MainWindow
from tests.gui.conftest import WindowMaker
from tests.support.gguf.gguf_files import llama_file


def drop(window: MainWindow, path: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    event = QDropEvent(
        QPointF(QPoint(9, 9)),
        Qt.DropAction.CopyAction,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    window.dropEvent(event)


def test_a_dropped_model_is_used_where_it_lies(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    path = tmp_path / "elsewhere" / "cut.gguf"
    path.parent.mkdir()
    path.write_bytes(llama_file().to_bytes()[:-1])
    drop(window, path)
    assert window._workbench.settings.value.added_models == (str(path),)
    engine = window._workbench.engine
    qtbot.waitUntil(lambda: isinstance(engine.state, EngineFailed), timeout=30_000)
    assert "incomplete" in window.chat.notice.text
    qtbot.waitUntil(lambda: window.models.table.rowCount() == 1, timeout=20_000)


def test_a_dropped_checkpoint_opens_the_wizard(window: MainWindow, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    drop(window, tmp_path)
    assert window.convert.isVisible()
    assert window.convert.session.source == str(tmp_path)


def test_something_else_is_refused_in_words(window: MainWindow, tmp_path: Path) -> None:
    drop(window, tmp_path / "notes.txt")
    assert "neither a GGUF file nor a folder" in window.notice.text


def drag_over(window: MainWindow, widget: QWidget, path: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    event = QDragEnterEvent(
        widget.mapTo(window, widget.rect().center()),
        Qt.DropAction.CopyAction,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    QApplication.sendEvent(widget, event)
    assert event.isAccepted()


def test_a_drag_says_what_a_drop_would_do(window: MainWindow, tmp_path: Path) -> None:
    model, notes = tmp_path / "model.gguf", tmp_path / "notes.txt"
    checkpoint, folder = tmp_path / "checkpoint", tmp_path / "folder"
    model.write_bytes(llama_file().to_bytes())
    notes.write_text("Notes.")
    for made in (checkpoint, folder):
        made.mkdir()
    (checkpoint / "config.json").write_text("{}")
    hint = window.drop_hint
    for path, words in (
        (model, "Drop to load model.gguf"),
        (checkpoint, "Drop to check and convert checkpoint"),
        (folder, "Drop to list the models in folder"),
        (notes, "notes.txt can't be used: it is neither a GGUF file nor a folder"),
    ):
        drag_over(window, window, path)
        assert hint.isVisible()
        assert hint.geometry() == window.rect()
        assert hint.text == words
        # What is below it still gets the drag.
        assert window.childAt(window.rect().center()) not in hint.findChildren(QWidget)
        QApplication.sendEvent(window, QDragLeaveEvent())
        assert not hint.isVisible()
    drag_over(window, window, notes)
    drop(window, notes)
    assert not hint.isVisible()

    window.show_page("convert")
    page = window.convert
    drag_over(window, page, model)
    assert page.drop_hint.isVisible()
    assert page.drop_hint.text == "Drop to check and convert model.gguf"
    QApplication.sendEvent(page, QDragLeaveEvent())
    assert not page.drop_hint.isVisible()


def test_everything_that_can_be_pressed_has_a_name(window: MainWindow) -> None:
    nameless = [
        widget
        for kind in (QAbstractButton, QLineEdit)
        for widget in window.findChildren(kind)
        if not (widget.accessibleName() or getattr(widget, "text", str)())
        and not isinstance(widget.parent(), QLineEdit)
        and not (widget.objectName() or "").startswith("qt_")
    ]
    assert not [(w, w.parent(), w.parent().parent()) for w in nameless]


def test_the_pages_are_reached_by_keyboard(window: MainWindow, qtbot: QtBot) -> None:
    pages: dict[str, QWidget] = {
        "2": window.models,
        "3": window.hub,
        "4": window.convert,
        "5": window.measure,
        "6": window.settings,
        "1": window.chat,
    }
    for key, page in pages.items():
        qtbot.keyClick(window, key, Qt.KeyboardModifier.ControlModifier)
        assert page.isVisible()


def test_damaged_files_never_keep_the_window_away(make_window: WindowMaker, home: Path) -> None:
    home.mkdir(parents=True, exist_ok=True)
    paths.settings_file().write_text("{broken")
    paths.chats_file().write_bytes(b"not a database" * 100)
    window = make_window()
    assert window.isVisible()
    assert "settings file could not be read" in window.warnings.sentences[0]
    assert "your chats could not be read" in window.warnings.sentences[1]
    assert (home / "settings.json.bad").read_text() == "{broken"


def test_a_setting_that_is_not_understood_is_told_once_and_kept_aside(
    make_window: WindowMaker, home: Path
) -> None:
    home.mkdir(parents=True, exist_ok=True)
    paths.settings_file().write_text('{"theme": "purple", "threads": 3}')
    window = make_window()
    assert any("theme" in sentence for sentence in window.warnings.sentences)
    assert window._workbench.settings.value.threads == 3
    assert "purple" in (home / "settings.json.bad").read_text()
    assert load_settings() == (Settings(threads=3), None)


def test_closing_ends_every_child(make_window: WindowMaker, qtbot: QtBot) -> None:
    # Other tests in this process may have children of their own.
    before = psutil.Process().children(recursive=True)
    window = make_window()
    window._workbench.models.refresh()
    window._workbench.tasks.add("setup", "waits", "serve", "nothing-there")
    assert set(psutil.Process().children(recursive=True)) - set(before)
    window.close()
    assert not set(psutil.Process().children(recursive=True)) - set(before)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can be without a display")
def test_without_a_display_one_line_says_so(home: Path) -> None:
    hidden = {"QT_QPA_PLATFORM", "DISPLAY", "WAYLAND_DISPLAY"}
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    ended = subprocess.run(
        [sys.executable, "-m", "app"], env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1
    assert "no display" in ended.stderr


class _Shown(QObject):
    """Notes every window that is shown."""

    def __init__(self) -> None:
        super().__init__()
        self.windows: list[QWidget] = []

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt
        """Called by Qt for every event of the program."""
        is_shown = event.type() is QEvent.Type.Show
        if is_shown and isinstance(watched, QWidget) and watched.isWindow():
            self.windows.append(watched)
        return False


def test_no_part_of_a_page_flashes_as_a_window_of_its_own(
    qapp: QApplication, make_window: WindowMaker
) -> None:
    shown = _Shown()
    qapp.installEventFilter(shown)
    window = make_window()
    for name in ("models", "hub", "convert", "measure", "settings", "chat"):
        window.show_page(name)
    qapp.removeEventFilter(shown)
    assert shown.windows == [window]
