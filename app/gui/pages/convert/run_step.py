"""The wizard's last step: the running conversion and its results."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.core.compared_words import compared_in_words
from app.core.language import tr
from app.gui.children.task import Task
from app.gui.pages.convert.best_size.type_bars import TypeBars
from app.gui.pages.convert.conversion_run import ConversionRun
from app.gui.pages.convert.remedies import Remedies
from app.gui.pages.convert.results_list import ResultsList
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
_Outcome = Literal["running", "finished", "partly", "failed", "canceled"]


class RunStep(QWidget):
    """Follows the tasks of one conversion.

    Signals:
        chat_requested: the path of a finished file.
        restarted: the user wants to convert another source.
        retry_requested: the user wants the same conversion again.
        levels_wanted: the user wants to choose other levels.
        plain_wanted: the user wants this plain level instead of the file, which is no better.
    """

    chat_requested = Signal(str)
    restarted = Signal()
    retry_requested = Signal()
    levels_wanted = Signal()
    plain_wanted = Signal(str)

    def __init__(self, theme: Theme, remedies: Remedies, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._remedies = remedies
        self._run: ConversionRun | None = None
        self._rows: list[TaskRow] = []
        self._failed: Task | None = None
        self.setAccessibleName(tr("Conversion"))
        self._card = Card()
        self.heading = PlainLabel("", "heading", elide=True)
        self._rows_place = QVBoxLayout()
        self.results = ResultsList(theme)
        self.quality = PlainLabel("", "caption", wrap=True, selectable=True)
        self.types = TypeBars(theme)
        self.notice = NoticeBar(theme)
        self.warnings = NoticeList(theme)
        words = tr("Copy as command line")
        self.copy_button = CopyButton(theme, words, self._commands, words=words, compact=False)
        self.plain_button = Button(theme, tr("Convert to a plain level instead"))
        self.levels_button = Button(theme, tr("Back to levels"))
        self.another_button = Button(theme, tr("Convert another"))
        self.again_button = Button(theme, tr("Start again"), "primary", icon_name="refresh")
        self.chat_button = Button(theme, tr("Chat now"), "primary", icon_name="chat")
        self._build_layout()
        self._show_state()
        self.results.chat_requested.connect(self.chat_requested)
        self.chat_button.clicked.connect(self._chat)
        self.again_button.clicked.connect(self.retry_requested)
        self.plain_button.clicked.connect(self._make_plain)
        self.levels_button.clicked.connect(self.levels_wanted)
        self.another_button.clicked.connect(self.restarted)
        self.notice.acted.connect(self._act)

    def follow(self, run: ConversionRun) -> None:
        """Show a conversion in place of the last one."""
        for row in self._rows:
            row.task.ended.disconnect(self._on_ended)
            row.task.noticed.disconnect(self._show_warnings)
            row.hide()
            row.deleteLater()
        self._run = run
        self._rows = self._rows_of(run)
        for row in self._rows:
            self._rows_place.addWidget(row)
            row.task.ended.connect(self._on_ended)
            row.task.noticed.connect(self._show_warnings)
        self._failed = None
        self.notice.hide()
        self._show_warnings()
        self._show_state()

    def is_watched(self, run: ConversionRun) -> bool:
        """Return whether the user sees how this conversion goes."""
        return self.isVisible() and self._run is run

    @property
    def is_over(self) -> bool:
        """True if no task of the conversion is running or waiting."""
        return all(row.task.is_over for row in self._rows)

    def paths(self) -> list[str]:
        """Return the files made so far."""
        return [path for row in self._rows if row.makes_files for path in row.task.paths]

    def _rows_of(self, run: ConversionRun) -> list[TaskRow]:
        total = sum(len(steps) for _, steps in run.tasks)
        rows, first = [], 1
        for task, steps in run.tasks:
            rows.append(TaskRow(self._theme, task, steps, first=first, total=total))
            first += len(steps)
        return rows

    def _commands(self) -> str:
        return self._run.commands if self._run else ""

    def _show_warnings(self) -> None:
        self.warnings.show_sentences([one for row in self._rows for one in row.task.notices])

    def _on_ended(self) -> None:
        failed = [row.task for row in self._rows if row.task.state == "failed"]
        if failed and self._failed is None:
            self._failed = failed[0]
            actions = self._remedies.actions(self._failed.failure)
            if self._failed.log_text():
                actions.append((_LOG, tr("Show log")))
            self.notice.show_notice("error", self._failed.sentence, actions, dismissible=False)
        self._show_state()
        # Whoever watches the conversion goes on from here; nobody else loses the focus.
        if self.isVisible() and self.is_over:
            self._next_button().setFocus()

    def _next_button(self) -> Button:
        has_model = not self.chat_button.isHidden()
        return self.chat_button if has_model else self.again_button

    def _show_state(self) -> None:
        outcome = self._outcome()
        levels = self._run.finished_models() if self._run else {}
        self.results.show_files(self.paths(), levels)
        self.heading.set_text(self._words_for(outcome))
        self._show_quality()
        self.levels_button.setVisible(self.is_over)
        self.another_button.setVisible(outcome == "finished")
        self.again_button.setVisible(outcome in ("partly", "failed", "canceled"))
        self.chat_button.setVisible(self.is_over and bool(levels))
        if self._run and levels:
            level = levels[self._run.favorite_model()]
            is_only = len(levels) == 1
            words = tr("Chat now") if is_only else tr("Chat with {level}", level=level)
            self.chat_button.set_text(words)

    def _show_quality(self) -> None:
        """Show the types and the quality of a file, and offer the plain level if it is no worse."""
        models = self._run.models if self._run else None
        made = models if models and models.state == "finished" else None
        chosen, compared = (made.chosen, made.compared) if made else (None, None)
        self.types.show_shares(chosen.shares if chosen else ())
        self.types.setVisible(chosen is not None)
        self.quality.set_text(compared_in_words(compared) if compared else "")
        self.quality.setVisible(compared is not None)
        self.plain_button.setVisible(compared is not None and not compared.is_better)
        if compared is not None:
            words = tr("Convert to {level} instead", level=compared.level)
            self.plain_button.setText(words)
            self.plain_button.setAccessibleName(words)

    def _make_plain(self) -> None:
        models = self._run.models if self._run else None
        if models and models.compared:
            self.plain_wanted.emit(models.compared.level)

    def _chat(self) -> None:
        if self._run:
            self.chat_requested.emit(self._run.favorite_model())

    def _outcome(self) -> _Outcome:
        if not self.is_over:
            return "running"
        states = {row.task.state for row in self._rows if row.makes_files or row.is_unfinished}
        if states == {"finished"}:
            return "finished"
        if "finished" in states:
            return "partly"
        return "failed" if "failed" in states else "canceled"

    def _words_for(self, outcome: _Outcome) -> str:
        name = self._run.name if self._run else ""
        return {
            "running": tr("Converting {name}", name=name),
            "finished": tr("Done"),
            "partly": tr("Partly converted"),
            "failed": tr("Not converted"),
            "canceled": tr("Canceled"),
        }[outcome]

    def _act(self, action: str) -> None:
        if action == _LOG and self._failed is not None:
            log = self._failed.log_text()
            TextDialog(self._theme, self._failed.title, log, self, at_end=True).open()
        else:
            self._remedies.act(action)

    def _build_layout(self) -> None:
        self._rows_place.setSpacing(SPACING.medium)
        self._rows_place.setContentsMargins(0, 0, 0, 0)
        rows = QWidget()
        rows.setLayout(self._rows_place)
        top = QWidget()
        line = QHBoxLayout(top)
        line.setContentsMargins(0, 0, 0, 0)
        line.addWidget(self.heading, 1)
        line.addWidget(self.copy_button)
        for widget in (top, rows, self.results, self.quality, self.types):
            self._card.add(widget)
        buttons = QHBoxLayout()
        buttons.setSpacing(SPACING.small)
        buttons.addStretch(1)
        for button in (
            *(self.plain_button, self.levels_button, self.another_button),
            *(self.again_button, self.chat_button),
        ):
            buttons.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACING.large)
        column.addWidget(self._card)
        column.addWidget(self.warnings)
        column.addWidget(self.notice)
        column.addLayout(buttons)
        column.addStretch(1)
