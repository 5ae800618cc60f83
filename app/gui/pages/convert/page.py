"""The convert page: a wizard of three steps, each a widget of its own."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QStackedLayout, QWidget

from app.core import events
from app.core.errors import ErrorCode, ErrorDetails, NoticeCode
from app.core.language import tr
from app.core.sentences import describe_error, describe_notice
from app.core.settings import Settings
from app.gguf_file.detection import is_gguf_file
from app.gui.children.child import Child
from app.gui.children.task import Task
from app.gui.pages.convert.conversion_options import VERB, command_lines, is_there, written_out
from app.gui.pages.convert.levels_step import LevelsStep
from app.gui.pages.convert.remedies import Remedies
from app.gui.pages.convert.run_step import RunStep
from app.gui.pages.convert.source_step import SourceStep
from app.gui.services.workbench import Workbench
from app.gui.widgets.confirm_dialog import ConfirmDialog
from app.gui.widgets.notice_bar import NoticeBar
from app.gui.widgets.notice_list import NoticeList
from app.gui.widgets.page_layout import page_layout
from app.gui.widgets.step_trail import StepTrail
from app.jobs.outcome import ProcessOutcome

_PAUSE_MILLISECONDS = 500
"""How long nothing must be changed before the sizes are worked out again."""

_LAST_SUBJECTS = frozenset({"memory", "disk"})
"""What is checked when the sizes are known already."""


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
        self._pause = QTimer(self, singleShot=True, interval=_PAUSE_MILLISECONDS)
        theme = workbench.theme
        self._remedies = Remedies(theme, self)
        self.source_step = SourceStep(theme)
        self.levels_step = LevelsStep(theme)
        self.run_step = RunStep(theme, self._remedies)
        self.notice = NoticeBar(theme)
        self.warnings = NoticeList(theme)
        self._warned: list[str] = []
        self._steps = (self.source_step, self.levels_step, self.run_step)
        self.setAcceptDrops(True)
        self._build_layout()
        self._connect()
        self._show_step(0)

    def start_with(self, source: str) -> None:
        """Begin with this folder, file or repository and check it at once."""
        self.source_step.set_source(source)
        self._check(source)

    def refresh(self) -> None:
        """Look again for what was downloaded."""
        self.source_step.refresh()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Accept one file or folder that can be converted; the window takes the others."""
        event.setAccepted(_dropped_source(event) is not None)

    def dropEvent(self, event: QDropEvent) -> None:
        """Begin with what was dropped."""
        source = _dropped_source(event)
        event.setAccepted(source is not None)
        if source is not None:
            self.start_with(str(source))

    def _build_layout(self) -> None:
        header, body = page_layout(self, tr("Convert"))
        self._trail = StepTrail((tr("Source"), tr("Level"), tr("Convert")))
        header.addWidget(self._trail)
        body.addWidget(self.notice)
        body.addWidget(self.warnings)
        self._stack = QStackedLayout()
        body.addLayout(self._stack, 1)
        for step in self._steps:
            self._stack.addWidget(step)

    def _connect(self) -> None:
        self.source_step.chosen.connect(self._check)
        self.levels_step.back.connect(self._go_back)
        self.levels_step.chosen.connect(self._ask_and_convert)
        self.levels_step.options_changed.connect(self._on_options_changed)
        self.levels_step.picker.finder.noticed.connect(self._warn)
        self._pause.timeout.connect(self._check_again)
        self.run_step.restarted.connect(self._go_back)
        self.run_step.chat_requested.connect(
            lambda path: self.chat_requested.emit(path, Path(path).stem)
        )
        self.notice.acted.connect(self._remedies.act)
        self._remedies.pickle_allowed.connect(self._allow_pickle)
        self._remedies.requantizing_allowed.connect(self._allow_requantizing)
        self._remedies.base_chosen.connect(self._take_base)
        self._remedies.importance_wanted.connect(self._offer_importance)
        self._workbench.tasks.ended.connect(self._on_task_ended)
        self._workbench.settings.changed.connect(self._on_settings_changed)
        self.levels_step.show_settings(self._workbench.settings.value)

    def _on_settings_changed(self, old: Settings, new: Settings) -> None:
        self.levels_step.show_settings(new)
        has_moved = old.models_path() != new.models_path()
        if has_moved and self._stack.currentWidget() is self.levels_step:
            self.levels_step.doubt()

    def _show_step(self, index: int) -> None:
        self._trail.show_step(index)
        self._stack.setCurrentIndex(index)

    def _go_back(self) -> None:
        self._drop_checker()
        self.levels_step.stop()
        self._hide_notices()
        self.source_step.refresh()
        self._show_step(0)

    def _check(self, source: str) -> None:
        if source != self._source:
            self.levels_step.forget_choices()
        self._source = source
        self._obtain()

    def _obtain(self) -> None:
        """Check the source, or download it first."""
        self._drop_checker()
        self._hide_notices()
        self.levels_step.start()
        self._show_step(1)
        if is_there(self._source):
            self._check_at(self._source)
            return
        self.levels_step.show_busy(tr("Downloading; the jobs at the lower left show how far"))
        consent = ["--allow-pickle"] if self.levels_step.options.allows_pickle else []
        task = self._workbench.tasks.add(
            "download", self._source, "download", self._source, *consent
        )
        task.noticed.connect(lambda words: self._warn(words) if task is self._download else None)
        self._download = task
        self.levels_step.preview(self._source)

    def _check_at(self, path: str) -> None:
        self.levels_step.set_source(written_out(path))
        self._start_checker()
        self.levels_step.find_facts()

    def _check_again(self) -> None:
        self._drop_checker()
        self.notice.hide()
        self.levels_step.expect_anew()
        self.levels_step.show_busy(tr("Looking at the files…"))
        self._start_checker()

    def _start_checker(self) -> None:
        arguments = self.levels_step.options.check_arguments()
        self._checker = Child(VERB, *arguments, parent=self)
        self._checker.received.connect(self._on_received)
        self._checker.ended.connect(self._on_checked)
        self._checker.start()

    def _drop_checker(self) -> None:
        self._pause.stop()
        checker, self._checker, self._download = self._checker, None, None
        if checker is not None:
            checker.received.disconnect(self._on_received)
            checker.ended.disconnect(self._on_checked)
            checker.ended.connect(checker.deleteLater)
            checker.cancel()

    def _on_options_changed(self) -> None:
        self._drop_checker()
        self._pause.start()

    def _on_received(self, event: events.Event) -> None:
        match event:
            case events.Checked():
                self.levels_step.add_check(event)
                if event.subject not in _LAST_SUBJECTS:
                    self.levels_step.show_busy(tr("Reading the layout of the model…"))
            case events.Progressed():
                self.levels_step.show_busy(tr("Working out the exact size of each level…"))
            case events.LevelPlanned():
                self.levels_step.add_level(event)
            case events.Noticed(told, details):
                self._tell(told, details)
            case events.Failed(code, details):
                self._fail(describe_error(code, details), code)

    def _tell(self, code: NoticeCode, details: ErrorDetails) -> None:
        words, actions = describe_notice(code, details), self._remedies.actions(code)
        if actions:
            self.notice.show_notice("info", words, actions)
        else:
            self._warn(words)

    def _on_checked(self, outcome: ProcessOutcome) -> None:
        if self._checker is not None:
            self._checker.deleteLater()
        self._checker = None
        self.levels_step.finish(was_successful=outcome.was_successful)
        if outcome.has_crashed:
            words = tr("The check stopped: {reason}.")
            self._fail(words.replace("{reason}", outcome.describe()))

    def _on_task_ended(self, task: Task) -> None:
        if task is not self._download:
            return
        self._download = None
        if task.state == "finished":
            self._check_at(task.paths[0])
        elif task.state == "failed":
            self.levels_step.finish(was_successful=False)
            self._fail(task.sentence, task.failure)
        else:
            self._go_back()

    def _warn(self, sentence: str) -> None:
        self._warned.append(sentence)
        self.warnings.show_sentences(self._warned)

    def _hide_notices(self) -> None:
        self.notice.hide()
        self._warned = []
        self.warnings.show_sentences(())

    def _fail(self, sentence: str, code: ErrorCode | None = None) -> None:
        actions = self._remedies.actions(code)
        self.notice.show_notice("error", sentence, actions, dismissible=False)

    def _allow_pickle(self) -> None:
        self.levels_step.allow_pickle()
        self._obtain()

    def _allow_requantizing(self) -> None:
        self.levels_step.allow_requantizing()
        self._obtain()

    def _take_base(self, folder: str) -> None:
        self.levels_step.set_base(folder)
        self._obtain()

    def _offer_importance(self) -> None:
        self.notice.hide()
        self._show_step(1)
        self.levels_step.offer_importance()

    def _ask_and_convert(self, levels: list[str]) -> None:
        replaced = self.levels_step.replaced_files()
        if not replaced:
            self._convert(levels)
            return
        dialog = ConfirmDialog(
            self._workbench.theme,
            tr("Replace what is there?"),
            tr("These files are there already and will be replaced."),
            replaced,
            tr("Replace"),
            self,
        )
        dialog.accepted.connect(lambda: self._convert(levels))
        dialog.open()

    def _convert(self, levels: list[str]) -> None:
        options = self.levels_step.options
        # What is not found out by now would only take the processors away from the conversion.
        self.levels_step.stop()
        self._hide_notices()
        tasks = [self._add_task(", ".join(levels), options.run_arguments(levels))]
        if options.wants_projector:
            tasks.append(self._add_task("mmproj", options.projector_arguments()))
        self.run_step.follow(
            tasks, command_lines(options, levels), can_chat=self.levels_step.makes_models
        )
        self._show_step(2)

    def _add_task(self, made: str, arguments: tuple[str, ...]) -> Task:
        title = f"{Path(arguments[0]).name} → {made}"
        task = self._workbench.tasks.add("convert", title, VERB, *arguments)
        task.ended.connect(self._workbench.models.refresh)
        return task


def _dropped_source(event: QDropEvent) -> Path | None:
    """The first of the dropped things, if it is a folder or a GGUF file."""
    for url in event.mimeData().urls():
        path = Path(url.toLocalFile()) if url.isLocalFile() else None
        if path is not None and (path.is_dir() or is_gguf_file(path)):
            return path
    return None
