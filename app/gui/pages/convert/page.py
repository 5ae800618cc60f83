"""The convert page: a wizard of three steps, each a widget of its own."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QStackedLayout, QWidget

from app.core import events
from app.gui.pages.convert.levels_step import LevelsStep
from app.gui.pages.convert.run_step import RunStep
from app.gui.pages.convert.source_step import SourceStep
from app.gui.process.child import Child
from app.gui.process.task import Task
from app.gui.texts import error_text
from app.gui.widgets.confirm_dialog import ConfirmDialog
from app.gui.widgets.notice_bar import NoticeBar
from app.gui.widgets.page_layout import page_layout
from app.gui.widgets.step_trail import StepTrail
from app.gui.workbench import Workbench
from app.jobs.outcome import ProcessOutcome


class ConvertPage(QWidget):
    """Leads from a source to finished files.

    Signals:
        chat_requested: a finished model is to be talked to; its path and its name.
    """

    chat_requested = Signal(str, str)

    def __init__(self, workbench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workbench = workbench
        self._source = ""
        self._checker: Child | None = None
        self._download: Task | None = None
        theme = workbench.theme
        self.source_step = SourceStep(theme)
        self.levels_step = LevelsStep(theme)
        self.run_step = RunStep(theme)
        self.notice = NoticeBar(theme)
        self._steps = (self.source_step, self.levels_step, self.run_step)
        self._build_layout()
        self._connect()
        self._show_step(0)

    def start_with(self, source: str) -> None:
        """Begin with this folder or repository and check it at once."""
        self.source_step.set_source(source)
        self._check(source)

    def refresh(self) -> None:
        """Look again for what was downloaded."""
        self.source_step.refresh()

    def _build_layout(self) -> None:
        header, body = page_layout(self, self.tr("Convert"))
        self._trail = StepTrail((self.tr("Source"), self.tr("Level"), self.tr("Convert")))
        header.addWidget(self._trail)
        body.addWidget(self.notice)
        self._stack = QStackedLayout()
        for step in self._steps:
            self._stack.addWidget(step)
        body.addLayout(self._stack, 1)

    def _connect(self) -> None:
        self.source_step.chosen.connect(self._check)
        self.levels_step.back.connect(self._go_back)
        self.levels_step.chosen.connect(self._ask_and_convert)
        self.run_step.restarted.connect(self._go_back)
        self.run_step.chat_requested.connect(
            lambda path: self.chat_requested.emit(path, Path(path).stem)
        )
        self._workbench.tasks.ended.connect(self._on_task_ended)

    def _show_step(self, index: int) -> None:
        self._trail.show_step(index)
        self._stack.setCurrentIndex(index)

    def _go_back(self) -> None:
        self._drop_checker()
        self.notice.hide()
        self.source_step.refresh()
        self._show_step(0)

    def _check(self, source: str) -> None:
        self._drop_checker()
        self.notice.hide()
        self._source = source
        self.levels_step.start()
        self._show_step(1)
        if Path(source).expanduser().exists():
            self._start_checker(source)
            return
        self.levels_step.show_busy(self.tr("Downloading; the jobs at the lower left show how far"))
        self._download = self._workbench.tasks.add("download", source, "download", source)

    def _start_checker(self, source: str) -> None:
        self._source = source
        self._checker = Child("convert", source, "--dry-run", parent=self)
        self._checker.received.connect(self._on_received)
        self._checker.ended.connect(self._on_checked)
        self._checker.start()

    def _drop_checker(self) -> None:
        checker, self._checker, self._download = self._checker, None, None
        if checker is not None:
            checker.received.disconnect(self._on_received)
            checker.ended.disconnect(self._on_checked)
            checker.ended.connect(checker.deleteLater)
            checker.cancel()

    def _on_received(self, event: events.Event) -> None:
        match event:
            case events.Checked():
                self.levels_step.add_check(event)
                self.levels_step.show_busy(self.tr("Reading the layout of the model…"))
            case events.Progressed():
                self.levels_step.show_busy(self.tr("Working out the exact size of each level…"))
            case events.LevelPlanned():
                self.levels_step.show_busy("")
                self.levels_step.add_level(event)
            case events.Failed(code, facts):
                self._fail(error_text(code, facts))

    def _on_checked(self, outcome: ProcessOutcome) -> None:
        if self._checker is not None:
            self._checker.deleteLater()
        self._checker = None
        self.levels_step.show_busy("")
        if outcome.has_crashed:
            words = self.tr("The check stopped: {reason}.")
            self._fail(words.replace("{reason}", outcome.in_words()))

    def _on_task_ended(self, task: Task) -> None:
        if task is not self._download:
            return
        self._download = None
        if task.state == "finished":
            self._start_checker(task.paths[0])
        elif task.state == "failed":
            self._fail(task.sentence)
        else:
            self._go_back()

    def _fail(self, sentence: str) -> None:
        self.levels_step.show_busy("")
        self.notice.show_notice("error", sentence, dismissible=False)

    def _ask_and_convert(self, levels: list[str]) -> None:
        replaced = self.levels_step.replaced_files()
        if not replaced:
            self._convert(levels)
            return
        dialog = ConfirmDialog(
            self._workbench.theme,
            self.tr("Replace what is there?"),
            self.tr("These files are there already and will be replaced."),
            replaced,
            self.tr("Replace"),
            self,
        )
        dialog.accepted.connect(lambda: self._convert(levels))
        dialog.open()

    def _convert(self, levels: list[str]) -> None:
        options = [part for level in levels for part in ("--level", level)]
        title = f"{Path(self._source).name} → {', '.join(levels)}"
        task = self._workbench.tasks.add(
            "convert", title, "convert", self._source, *options, "--overwrite"
        )
        task.ended.connect(self._workbench.models.refresh)
        self.run_step.follow(task)
        self._show_step(2)
