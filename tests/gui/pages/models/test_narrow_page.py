"""The page with long names in the smallest window: nothing is wider than the page."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from PySide6.QtCore import QSize
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from app.core.errors import ErrorCode
from app.gui.widgets.plain_label import PlainLabel
from app.gui.widgets.scroll_column import ScrollColumn
from app.library.unfinished_downloads import DownloadNote, DownloadRequest
from tests.gui.conftest import WindowMaker
from tests.support.gguf.gguf_files import llama_file

OWNER, NAME = "a-research-laboratory-with-a-name", "-".join(12 * ["grain"])


@pytest.fixture
def full_home(home: Path) -> None:
    """A model, a checkpoint and an interrupted download, all of long names."""
    llama_file().write(home / "models" / f"{NAME}-Q4_K_M.gguf")
    for name in (NAME, f"half-{NAME}"):
        folder = home / "checkpoints" / OWNER / name
        folder.mkdir(parents=True)
        (folder / "config.json").write_text("{}")
    request = DownloadRequest(f"{OWNER}/half-{NAME}")
    note = DownloadNote(
        request, {"config.json": 9}, ErrorCode.HUB_ANSWER, {"reason": "it makes no sense " * 9}
    )
    (folder / ".gristmill-0.download.json").write_bytes(msgspec.json.encode(note))


@pytest.mark.parametrize("size", [QSize(820, 560), QSize(1600, 1000)])
@pytest.mark.usefixtures("full_home")
def test_nothing_is_wider_than_the_page(
    make_window: WindowMaker, qtbot: QtBot, size: QSize
) -> None:
    window = make_window()
    window.resize(size)
    window.show_page("models")
    page = window.models
    qtbot.waitUntil(lambda: bool(page.downloads.rows), timeout=20_000)
    page.getting.repository.setText(f"{OWNER} {NAME}")
    page.getting.download_button.click()
    QApplication.processEvents()
    for column in page.findChildren(ScrollColumn):
        assert column.widget().width() <= column.viewport().width()
    assert not page.table.horizontalScrollBar().isVisible()
    cut = [label.text() for label in page.findChildren(PlainLabel) if _is_cut(label)]
    assert not cut


@pytest.mark.usefixtures("full_home")
def test_the_whole_reason_of_a_stop_is_shown(make_window: WindowMaker, qtbot: QtBot) -> None:
    window = make_window()
    window.resize(QSize(820, 560))
    window.show_page("models")
    rows = window.models.downloads.rows
    qtbot.waitUntil(lambda: bool(rows), timeout=20_000)
    (row,) = rows.values()
    (shown,) = [
        label
        for label in row.findChildren(PlainLabel)
        if label.isVisible() and "it makes no sense" in label.whole_text
    ]
    assert shown.whole_text.startswith("The Hugging Face Hub sent an unusable response")
    assert not shown.toolTip()
    qtbot.waitUntil(lambda: shown.height() >= shown.heightForWidth(shown.width()), timeout=20_000)


def _is_cut(label: PlainLabel) -> bool:
    """Return whether a label lacks room for its text, without an ellipsis and a tool tip."""
    if not label.isVisible() or label.toolTip():
        return False
    return label.width() < label.minimumSizeHint().width() or _is_outside(label)


def _is_outside(widget: QWidget) -> bool:
    parent = widget.parentWidget()
    return parent is not None and widget.geometry().right() > parent.width()
