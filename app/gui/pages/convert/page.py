"""Lead the user from a source to finished files, in three steps."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent
from PySide6.QtWidgets import QStackedLayout, QWidget

from app.core.errors import AppError, ErrorCode, NoticeCode
from app.core.language import tr
from app.core.sentences import describe_error
from app.core.settings import Settings
from app.gguf_file.detection import is_gguf_file
from app.gui.children.task import Task
from app.gui.pages.convert.conversion_run import ConversionRun
from app.gui.pages.convert.conversion_session import ConversionSession
from app.gui.pages.convert.levels_step import LevelsStep
from app.gui.pages.convert.remedies import Remedies
from app.gui.pages.convert.run_step import RunStep
from app.gui.pages.convert.source_step import SourceStep
from app.gui.recipes.recipe_saver import RecipeSaver
from app.gui.services.workbench import Workbench
from app.gui.widgets.confirm_dialog import ConfirmDialog
from app.gui.widgets.drop_hint import DropHint
from app.gui.widgets.notice_bar import NoticeBar
from app.gui.widgets.notice_list import NoticeList
from app.gui.widgets.page_layout import page_layout
from app.gui.widgets.step_trail import StepTrail

_NO_TYPES = "no types"


class ConvertPage(QWidget):
    """The three steps, the notices above them, and their `ConversionSession`.

    Signals:
        chat_requested: the path and the name of a finished model to chat with.
        run_ended: a `ConversionRun` whose tasks have all ended while the user looked elsewhere.
        gguf_found: the name of a repository that has only GGUF files, which need no conversion.
    """

    chat_requested = Signal(str, str)
    run_ended = Signal(object)
    gguf_found = Signal(str)

    def __init__(self, workbench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workbench = workbench
        theme = workbench.theme
        self.session = ConversionSession(workbench, self)
        self._remedies = Remedies(theme, self)
        self.recipes = RecipeSaver(self)
        self.source_step = SourceStep(theme)
        self.safe_control = self.source_step.source
        self.levels_step = LevelsStep(theme, self.session)
        self.run_step = RunStep(theme, self._remedies)
        self.notice = NoticeBar(theme)
        self.warnings = NoticeList(theme)
        self._warned: list[str] = []
        self._last_choice: tuple[list[str], bool] = ([], False)
        self.drop_hint = DropHint(self)
        self._types_wanted = ""
        self.setAcceptDrops(True)
        self._build_layout()
        self._connect()
        self._connect_session()
        self.levels_step.show_settings(workbench.settings.value)
        self._show_step(0)

    def start_with(self, source: str) -> None:
        """Begin with this folder, file or repository and check it at once."""
        self.source_step.set_source(source)
        self.session.open(source)

    def follow(self, run: ConversionRun) -> None:
        """Show the progress and the result of a conversion."""
        for task, _ in run.tasks:
            task.ended.connect(lambda: self._on_task_ended(run))
        self.run_step.follow(run)
        self._show_step(2)

    def use_types_of(self, path: str) -> None:
        """Let the user choose a source, which gets the tensor types of a GGUF file."""
        self._go_back()
        self.session.forget()
        self._types_wanted = path
        words = tr(
            "The next model that you convert gets the tensor types of {name}.",
            name=Path(path).name,
        )
        self.notice.show_notice("info", words, [(_NO_TYPES, tr("Don't use them"))])

    def refresh(self) -> None:
        """Update the list of downloaded models, and focus the field for the name of another one."""
        self.source_step.refresh()
        if self.source_step.isVisible():
            self.source_step.source.setFocus()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Accept a file or folder that can be converted; leave others to the window."""
        source = _dropped_source(event)
        event.setAccepted(source is not None)
        if source is not None:
            self.drop_hint.show_words(tr("Drop to check and convert {name}", name=source.name))

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        """Hide the hint."""
        super().dragLeaveEvent(event)
        self.drop_hint.hide()

    def dropEvent(self, event: QDropEvent) -> None:
        """Begin with the dropped file or folder."""
        self.drop_hint.hide()
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
        for step in (self.source_step, self.levels_step, self.run_step):
            self._stack.addWidget(step)

    def _connect(self) -> None:
        self.source_step.chosen.connect(self.session.open)
        self.levels_step.back.connect(self._go_back)
        self.levels_step.chosen.connect(self._ask_and_convert)
        self.levels_step.picker.finder.noticed.connect(self._warn)
        self.levels_step.size_card.plan_wanted.connect(self.notice.hide)
        self.levels_step.size_card.planner.noticed.connect(self._warn)
        self.levels_step.size_card.planner.failed.connect(self._on_failed)
        self.levels_step.size_card.view.save_wanted.connect(self._save_types)
        self.recipes.saved.connect(lambda words: self.notice.show_notice("info", words))
        self.recipes.failed.connect(lambda words: self.notice.show_notice("error", words))
        self.run_step.restarted.connect(self._restart)
        self.run_step.levels_wanted.connect(self._return_to_levels)
        self.run_step.retry_requested.connect(self._convert_again)
        self.run_step.plain_wanted.connect(self._convert_plain)
        self.run_step.chat_requested.connect(
            lambda path: self.chat_requested.emit(path, Path(path).stem)
        )
        self.notice.acted.connect(self._on_acted)
        self._remedies.pickle_allowed.connect(self.session.allow_pickle)
        self._remedies.requantizing_allowed.connect(self.session.allow_requantizing)
        self._remedies.base_chosen.connect(self.session.set_base)
        self._remedies.importance_wanted.connect(self._offer_importance)
        self._remedies.converter_wanted.connect(self._get_converter)
        self._remedies.text_wanted.connect(self._offer_text)
        self._remedies.plain_rounding_wanted.connect(self._offer_plain_rounding)
        self.levels_step.converter.wanted.connect(self._get_converter)
        self._workbench.settings.changed.connect(self._on_settings_changed)

    def _connect_session(self) -> None:
        self.session.started.connect(self._on_started)
        self.session.forgotten.connect(self._apply_types)
        self.session.outdated.connect(self.notice.hide)
        self.session.noticed.connect(self._on_noticed)
        self.session.failed.connect(self._on_failed)

    def _show_step(self, index: int) -> None:
        self._trail.show_step(index)
        self._stack.setCurrentIndex(index)

    def _is_at_levels(self) -> bool:
        return self._stack.currentWidget() is self.levels_step

    def _go_back(self) -> None:
        self.session.stop()
        self.levels_step.stop()
        self._hide_notices()
        self.source_step.refresh()
        self._show_step(0)

    def _restart(self) -> None:
        """Ask for another source; typing replaces the last one."""
        self._go_back()
        self.source_step.source.setFocus()
        self.source_step.source.select_all()

    def _on_started(self) -> None:
        self._hide_notices()
        self._show_step(1)

    def _apply_types(self) -> None:
        """Give the new source the types that the user wanted for it."""
        path, self._types_wanted = self._types_wanted, ""
        if path:
            self.levels_step.advanced_card.take_types(path)

    def _on_acted(self, action: str) -> None:
        if action == _NO_TYPES:
            self._types_wanted = ""
            self.notice.hide()
        else:
            self._remedies.act(action)

    def _on_settings_changed(self, old: Settings, new: Settings) -> None:
        self.levels_step.show_settings(new)
        has_moved = old.models_path() != new.models_path()
        if has_moved and self._is_at_levels():
            self.session.recheck()

    def _on_noticed(self, code: NoticeCode | None, sentence: str) -> None:
        if actions := self._remedies.actions(code):
            self.notice.show_notice("info", sentence, actions)
        else:
            self._warn(sentence)

    def _on_failed(self, code: ErrorCode | None, sentence: str) -> None:
        if code is ErrorCode.GGUF_ALONE:
            self._go_back()
            self.gguf_found.emit(self.session.source)
            return
        if code is ErrorCode.CONVERTER_MISSING and self._is_at_levels():
            self.notice.hide()
            self.levels_step.converter.show_missing(sentence)
            return
        actions = self._remedies.actions(code)
        if not (actions or self.session.is_located):
            self._go_back()
            self.source_step.show_fault(sentence)
            return
        self.notice.show_notice("error", sentence, actions, dismissible=False)

    def _warn(self, sentence: str) -> None:
        if sentence not in self._warned:
            self._warned.append(sentence)
        self.warnings.show_sentences(self._warned)

    def _hide_notices(self) -> None:
        self.notice.hide()
        self._warned = []
        self.warnings.show_sentences(())

    def _get_converter(self) -> None:
        title = tr("Downloading llama.cpp's converter")
        task = self._workbench.tasks.add("setup", title, "setup", "--only", "converter")
        task.ended.connect(lambda: self._on_converter_ended(task))
        words = tr("{what}…", what=title)
        if self._is_at_levels():
            self.levels_step.converter.show_busy(words)
        else:
            self.notice.show_notice("info", words, dismissible=False)

    def _on_converter_ended(self, task: Task) -> None:
        if task.state == "finished":
            self.notice.hide()
            self.levels_step.converter.hide()
            if self._is_at_levels():
                self.session.recheck()
            return
        words = task.sentence or describe_error(ErrorCode.CONVERTER_MISSING, {})
        self._on_failed(ErrorCode.CONVERTER_MISSING, words)

    def _save_types(self) -> None:
        if (plan := self.levels_step.size_card.plan) is not None:
            self.recipes.ask(plan.target, plan.recipe)

    def _offer_importance(self) -> None:
        self.notice.hide()
        self._show_step(1)
        self.levels_step.offer_importance()

    def _offer_text(self) -> None:
        self.notice.hide()
        self._show_step(1)
        self.levels_step.offer_own_text()

    def _offer_plain_rounding(self) -> None:
        self.notice.hide()
        self._show_step(1)
        self.levels_step.offer_plain_rounding()

    def _ask_and_convert(self, levels: list[str]) -> None:
        replaced = self.levels_step.replaced_files()
        if not replaced:
            self._convert(levels, keeps_existing=self.levels_step.size_choice.has_unknown_name)
            return
        new = self.levels_step.new_levels()
        can_skip = bool(new) and not self.session.options.wants_projector
        dialog = ConfirmDialog(
            self._workbench.theme,
            tr("Replace existing files?"),
            tr("These files already exist:"),
            replaced,
            tr("Replace"),
            self,
            is_destructive=True,
            alternatives=[*([tr("Skip these")] if can_skip else []), tr("Keep both")],
        )
        dialog.accepted.connect(lambda: self._convert(levels))
        dialog.alternative_chosen.connect(
            lambda index: (
                self._convert(new)
                if can_skip and index == 0
                else self._convert(levels, keeps_existing=True)
            )
        )
        dialog.open()

    def _convert(self, levels: list[str], *, keeps_existing: bool = False) -> None:
        # An unfinished profile would only compete with the conversion for the processor.
        self.levels_step.stop()
        self._hide_notices()
        self._last_choice = (levels, keeps_existing)
        favorite = self.levels_step.recommended_level
        try:
            run = self.session.convert(levels, favorite, keeps_existing=keeps_existing)
        except AppError as error:
            self._on_failed(error.code, describe_error(error.code, error.details))
            return
        self.follow(run)
        self.run_step.setFocus()

    def _on_task_ended(self, run: ConversionRun) -> None:
        if run.is_over and not self.run_step.is_watched(run):
            self.run_ended.emit(run)

    def _convert_again(self) -> None:
        levels, keeps_existing = self._last_choice
        self._convert(levels, keeps_existing=keeps_existing)

    def _convert_plain(self, level: str) -> None:
        self._hide_notices()
        self._show_step(1)
        self.levels_step.size_choice.choose_level(level)
        self._ask_and_convert([level])

    def _return_to_levels(self) -> None:
        self._hide_notices()
        self._show_step(1)
        self.levels_step.convert_button.setFocus()
        self.session.recheck()


def _dropped_source(event: QDropEvent) -> Path | None:
    """Return the first dropped folder or GGUF file."""
    for url in event.mimeData().urls():
        path = Path(url.toLocalFile()) if url.isLocalFile() else None
        if path is not None and (path.is_dir() or is_gguf_file(path)):
            return path
    return None
