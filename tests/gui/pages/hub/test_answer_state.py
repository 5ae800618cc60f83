"""What stands where the Hub's answer would be."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.core.errors import ErrorCode
from app.gui.pages.hub.answer_state import AnswerState
from app.gui.pages.hub.repository_header import RepositoryHeader
from app.gui.theme.style import apply_theme


@pytest.mark.parametrize(
    ("problem", "title", "has_retry"),
    [
        (ErrorCode.REPOSITORY_NOT_FOUND, "Repository not found", False),
        (ErrorCode.HUB_UNREACHABLE, "No answer from the Hub", True),
    ],
)
def test_a_missing_repository_is_an_answer(
    qapp: QApplication, qtbot: QtBot, problem: ErrorCode, title: str, *, has_retry: bool
) -> None:
    state = AnswerState(apply_theme(qapp, "light"), "Opening…")
    qtbot.addWidget(state)
    state.fail("Why.", problem)
    assert state._title.whole_text == title
    assert state.button.isHidden() is not has_retry


def test_no_page_of_a_missing_repository_is_offered(qapp: QApplication, qtbot: QtBot) -> None:
    header = RepositoryHeader(apply_theme(qapp, "light"))
    qtbot.addWidget(header)
    header.wait_for("nobody/nothing")
    assert not header.page_button.isHidden()
    header.show_missing()
    assert header.page_button.isHidden()
    header.wait_for("acme/grain")
    assert not header.page_button.isHidden()
