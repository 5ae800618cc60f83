"""The wizard's last step: the running conversion and its results."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.core.language import tr
from app.core.sizes import format_bytes
from app.gui.children.task import Task
from app.gui.pages.convert.remedies import Remedies
from app.gui.pages.convert.task_row import TaskRow
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SPACING
from app.gui.widgets.button import Button
from app.gui.widgets.card import Card
from app.gui.widgets.copy_button import CopyButton
from app.gui.widgets.notice_bar import NoticeBar
from app.gui.widgets.notice_list import NoticeList
from app.gui.widgets.plain_label import PlainLabel
from app.gui.widgets.text_dialog import TextDialog

_LOG = "log"


class RunStep(QWidget):
    """Follows the tasks of one conversion.

    Signals:
        chat_requested: the path of a finished file.
        restarted: the user wants another conversion.
    """

    chat_requested = Signal(str)
    restarted = Signal()

    def __init__(self, theme: Theme, remedies: Remedies, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._remedies = remedies
        self._rows: list[TaskRow] = []
        self._failed: Task | None = None
        self._commands = ""
        self._can_chat = False
        self._card = Card()
        self.heading = PlainLabel("", "heading")
        self._rows_place = QVBoxLayout()
        self._results = PlainLabel("", wrap=True, selectable=True)
        self.notice = NoticeBar(theme)
        self.warnings = NoticeList(theme)
        self.copy_button = CopyButton(
            theme,
            tr("Copy as command line"),
            lambda: self._commands,
            words=tr("Copy as command line"),
            compact=False,
        )
        self._again_button = Button(theme, tr("Convert another"))
        self.chat_button = Button(theme, tr("Chat now"), "primary", icon_name="chat")
        self._build_layout()
        self.chat_button.clicked.connect(self._chat)
        self._again_button.clicked.connect(self.restarted)
        self.notice.acted.connect(self._act)

    def follow(self, tasks: Sequence[Task], commands: str, *, can_chat: bool) -> None:
        """Show these tasks in place of the last ones.

        Args:
            tasks: the first one makes the models.
            commands: the terminal commands that do the same.
            can_chat: the first file is a model, not a part of one.
        """
        for row in self._rows:
            row.task.ended.disconnect(self._on_ended)
            row.task.noticed.disconnect(self._show_warnings)
            row.hide()
            row.deleteLater()
        self._rows = [TaskRow(self._theme, task) for task in tasks]
        for row in self._rows:
            self._rows_place.addWidget(row)
            row.task.ended.connect(self._on_ended)
            row.task.noticed.connect(self._show_warnings)
        self._commands, self._can_chat = commands, can_chat
        self._failed = None
        self.notice.hide()
        self._show_warnings()
        self._show_results()

    def _show_warnings(self) -> None:
        self.warnings.show_sentences([one for row in self._rows for one in row.task.notices])

    def _on_ended(self) -> None:
        failed = [row.task for row in self._rows if row.task.state == "failed"]
        if failed and self._failed is None:
            self._failed = failed[0]
            log = (_LOG, tr("Show log"))
            actions = [*self._remedies.actions(self._failed.failure), log]
            self.notice.show_notice("error", self._failed.sentence, actions, dismissible=False)
        self._show_results()
        # Whoever watches the conversion goes on from here; nobody else loses the focus.
        if self.isVisible() and self.chat_button.isVisible():
            self.chat_button.setFocus()

    def _show_results(self) -> None:
        paths = self._paths()
        self._results.set_text("\n".join(_with_size(path) for path in paths))
        self._results.setVisible(bool(paths))
        are_over = all(row.task.is_over for row in self._rows)
        self.heading.set_text(self._outcome() if are_over else tr("Converting"))
        self._again_button.setVisible(are_over)
        has_model = self._can_chat and bool(self._rows and self._rows[0].task.paths)
        self.chat_button.setVisible(are_over and has_model)

    def _outcome(self) -> str:
        states = {row.task.state for row in self._rows}
        if "failed" in states:
            return tr("Not converted") if states == {"failed"} else tr("Partly converted")
        return tr("Canceled") if "canceled" in states else tr("Done")

    def _paths(self) -> list[str]:
        return [path for row in self._rows for path in row.task.paths]

    def _chat(self) -> None:
        self.chat_requested.emit(self._rows[0].task.paths[0])

    def _act(self, action: str) -> None:
        if action == _LOG and self._failed is not None:
            TextDialog(self._theme, self._failed.title, self._failed.log_text(), self).open()
        else:
            self._remedies.act(action)

    def _build_layout(self) -> None:
        self._rows_place.setSpacing(SPACING.medium)
        self._rows_place.setContentsMargins(0, 0, 0, 0)
        rows = QWidget()
        rows.setLayout(self._rows_place)
        self._card.add(self.heading)
        self._card.add(rows)
        self._card.add(self._results)
        buttons = QHBoxLayout()
        buttons.setSpacing(SPACING.small)
        buttons.addWidget(self.copy_button)
        buttons.addStretch(1)
        buttons.addWidget(self._again_button)
        buttons.addWidget(self.chat_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACING.large)
        column.addWidget(self._card)
        column.addWidget(self.warnings)
        column.addWidget(self.notice)
        column.addLayout(buttons)
        column.addStretch(1)


def _with_size(path: str) -> str:
    try:
        return f"{path}  ({format_bytes(Path(path).stat().st_size)})"
    except OSError:
        return path
