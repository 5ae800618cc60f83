"""State of a view of the Hub while it waits for an answer, and when there is none."""

from __future__ import annotations

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QWidget

from app.core.errors import ErrorCode
from app.core.language import tr
from app.gui.theme.theme import Theme
from app.gui.widgets.empty_state import EmptyState

SLOW_MILLISECONDS = 5000
"""Time after which the user is told that the Hub is slow."""


class AnswerState(EmptyState):
    """Waiting, slow or failed; the button asks again.

    Args:
        theme: colors.
        words: shown while waiting.
    """

    def __init__(self, theme: Theme, words: str, parent: QWidget | None = None) -> None:
        super().__init__(theme, "hub", words, "", parent=parent)
        self._slow = QTimer(self, singleShot=True, interval=SLOW_MILLISECONDS)
        self._slow.timeout.connect(self._show_slow)
        self._waiting_for = words

    def wait(self) -> None:
        """Show that the answer is on its way."""
        self.show_state("hub", self._waiting_for, "")
        self._slow.start()

    def fail(self, sentence: str, problem: ErrorCode | None = None) -> None:
        """Show why there is no answer, or that the Hub answers that there is no such repository."""
        self.stop()
        if problem is ErrorCode.REPOSITORY_NOT_FOUND:
            self.show_state("search", tr("Repository not found"), sentence)
        else:
            self.show_state("warning", tr("No answer from the Hub"), sentence, tr("Retry"))

    def stop(self) -> None:
        """Stop waiting."""
        self._slow.stop()

    def _show_slow(self) -> None:
        self.show_state("hub", self._waiting_for, tr("The Hub is slow…"), tr("Retry"))
