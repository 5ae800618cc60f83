"""A template's faults in one sentence."""

from __future__ import annotations

from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.core.inspection_events import TemplateTried
from app.gui.pages.models.inspector.template_panes import TemplatePanes


def test_a_reason_that_ends_in_a_full_stop_has_one(qapp: QApplication, qtbot: QtBot) -> None:
    panes = TemplatePanes(is_editable=False)
    qtbot.addWidget(panes)
    panes.show_trial(TemplateTried(problem="The innermost block is 'if'."))
    assert panes.faults.whole_text == (
        "This template can't be used: The innermost block is 'if'. "
        "A generic one takes its place in chats."
    )
