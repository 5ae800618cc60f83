"""Dialog for the load options of one model and the memory that they take."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QDialog, QHBoxLayout, QVBoxLayout, QWidget

from app.core.errors import AppError
from app.core.language import tr
from app.core.load_options import LoadOptions, load_options_of
from app.core.sentences import describe_error
from app.estimation.costs import costs
from app.estimation.fit import Plan
from app.estimation.predictions import effective_options, predict_levels
from app.gui.load_options.form import LoadOptionsForm
from app.gui.load_options.memory_view import MemoryView
from app.gui.load_options.notes import is_impossible
from app.gui.load_options.preset_bar import PresetBar
from app.gui.load_options.raw_parameters import raw_parameters
from app.gui.load_options.speed_view import SpeedView
from app.gui.services.engine import EngineLoading, EngineReady
from app.gui.services.profile_finder import ProfileFinder
from app.gui.services.serve_arguments import serve_command
from app.gui.services.workbench import Workbench
from app.gui.theme.tokens import SIZE, SPACING
from app.gui.widgets.button import Button
from app.gui.widgets.confirm_dialog import ConfirmDialog
from app.gui.widgets.copy_button import CopyButton
from app.gui.widgets.dialog_buttons import dialog_buttons
from app.gui.widgets.notice_bar import NoticeBar
from app.gui.widgets.notice_list import NoticeList
from app.gui.widgets.plain_label import PlainLabel
from app.gui.widgets.scroll_column import ScrollColumn
from app.gui.widgets.text_dialog import TextDialog

_USUAL_SIZE = QSize(1000, 720)
_SMALLEST_SIZE = QSize(800, 480)


class LoadOptionsDialog(QDialog):
    """Shows the options of any model of the library, with `open_for`.

    Changes are saved only when the user asks for it, and never lost without a question.
    """

    def __init__(self, workbench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workbench = workbench
        self._settings = workbench.settings
        self._path = self._name = ""
        self._plan: Plan | None = None
        theme = workbench.theme
        self.finder = ProfileFinder(self)
        self._title = PlainLabel("", "title", elide=True)
        self.whose = PlainLabel("", "caption", elide=True)
        self.notice = NoticeBar(theme)
        self.warnings = NoticeList(theme)
        self.form = LoadOptionsForm(theme)
        self.presets = PresetBar(theme, self._settings, lambda: self.form.options)
        self.memory = MemoryView(theme)
        self.speed = SpeedView()
        self.raw_button = Button(theme, tr("Raw parameters"), "quiet", icon_name="info")
        self.copy_button = CopyButton(
            theme,
            tr("Copy as command line"),
            self.command_line,
            words=tr("Copy as command line"),
            compact=False,
        )
        self.restore_button = Button(theme, tr("Restore defaults"))
        self.save_button = Button(theme, tr("Save"), "primary")
        self._close_button = self.safe_control = Button(theme, tr("Close"))
        self._scrolls = (ScrollColumn(), ScrollColumn())
        self._build_layout()
        self._connect()

    @property
    def plan(self) -> Plan | None:
        """The plan for the shown options; None while it is unknown."""
        return self._plan

    def open_for(self, path: str, name: str) -> None:
        """Show the options of a model and compute its profile."""
        self._path, self._name = path, name
        title = tr("Options for {name}", name=name)
        self.setWindowTitle(title)
        self._title.set_text(title)
        self.notice.hide()
        self._plan = None
        self.form.set_profile(None)
        self.form.set_options(self._saved)
        self.form.show_plan(None, {})
        self.speed.hide()
        self._find()
        self._show_saved()
        for scroll in self._scrolls:
            scroll.verticalScrollBar().setValue(0)
        self._close_button.setFocus()
        self.open()

    def done(self, result: int) -> None:
        """Stop computing the profile."""
        self.finder.stop()
        super().done(result)

    def reject(self) -> None:
        """Close, but first ask about unsaved changes."""
        if not self._is_changed:
            super().reject()
            return
        question = ConfirmDialog(
            self._workbench.theme,
            tr("Save your changes?"),
            tr("The options for {name} have unsaved changes.", name=self._name),
            (),
            self.save_button.text(),
            self,
            alternatives=(tr("Discard"),),
            dismissal=tr("Keep editing"),
        )
        question.accepted.connect(self._save)
        question.alternative_chosen.connect(lambda _: self._discard())
        question.open()

    def command_line(self) -> str:
        """Return the terminal command that serves the model with the shown options."""
        return serve_command(self._path, self.form.options, self._settings.value)

    def _build_layout(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(*[SPACING.large] * 4)
        column.setSpacing(SPACING.medium)
        head = QHBoxLayout()
        head.setSpacing(SPACING.wide)
        names = QVBoxLayout()
        names.setSpacing(0)
        names.addWidget(self._title)
        names.addWidget(self.whose)
        head.addLayout(names, 1)
        head.addWidget(self.presets)
        column.addLayout(head)
        options, side = self._scrolls
        options.column.addWidget(self.form)
        options.column.addStretch(1)
        self._fill_side(side)
        body = QHBoxLayout()
        body.setSpacing(SPACING.large)
        body.addWidget(options, 1)
        body.addWidget(side)
        column.addLayout(body, 1)
        # Above the options, they would move what is under the pointer.
        column.addWidget(self.warnings)
        column.addWidget(self.notice)
        close, save, restore = self._close_button, self.save_button, self.restore_button
        column.addLayout(dialog_buttons(close, save, aside=restore))
        self.setMinimumSize(_SMALLEST_SIZE)
        self.resize(_USUAL_SIZE)

    def _fill_side(self, side: ScrollColumn) -> None:
        side.column.setSpacing(SPACING.small)
        side.column.addWidget(self.memory)
        side.column.addWidget(self.speed)
        side.column.addWidget(self.raw_button, 0, Qt.AlignmentFlag.AlignLeft)
        side.column.addWidget(self.copy_button, 0, Qt.AlignmentFlag.AlignLeft)
        side.column.addStretch(1)
        side.setFixedWidth(SIZE.side)

    def _connect(self) -> None:
        self.form.changed.connect(self._on_changed)
        self.presets.chosen.connect(self._show_options)
        self.presets.failed.connect(lambda words: self.notice.show_notice("error", words))
        self.finder.found.connect(self._on_found)
        self.finder.completed.connect(self._show_prediction)
        self.finder.failed.connect(self._on_failed)
        self.finder.noticed.connect(self._show_warnings)
        self.memory.retried.connect(self._find)
        self.memory.context_wanted.connect(self._take_context)
        self.raw_button.clicked.connect(self._show_raw)
        self.restore_button.clicked.connect(lambda: self._show_options(self._defaults))
        self.save_button.clicked.connect(self._save)
        self._close_button.clicked.connect(self.reject)
        self._workbench.engine.changed.connect(self._show_saved)

    @property
    def _saved(self) -> LoadOptions:
        return self._settings.value.options_for(Path(self._path))

    @property
    def _defaults(self) -> LoadOptions:
        return load_options_of(self._settings.value)

    @property
    def _is_changed(self) -> bool:
        return self.form.options != self._saved

    @property
    def _is_loaded(self) -> bool:
        state = self._workbench.engine.state
        return isinstance(state, EngineLoading | EngineReady) and state.path == self._path

    def _find(self) -> None:
        self.memory.show_waiting()
        self.finder.find(self._path)
        self._show_warnings()

    def _show_warnings(self) -> None:
        self.warnings.show_sentences(self.finder.notices)

    def _on_found(self) -> None:
        self.form.set_profile(self.finder.profile)
        self._show_prediction()

    def _on_failed(self, sentence: str) -> None:
        # An earlier profile is good enough.
        if self._plan is None:
            self.memory.show_problem(sentence)

    def _on_changed(self) -> None:
        self._show_prediction()
        self._show_saved()

    def _show_options(self, options: LoadOptions) -> None:
        self.form.set_options(options)
        self._on_changed()

    def _take_context(self, tokens: int) -> None:
        self.form.context.number.setValue(tokens)

    def _show_prediction(self) -> None:
        profile, options = self.finder.profile, self.form.options
        if profile is None:
            return
        expected = predict_levels(profile, options)[0]
        self._plan = expected.plan
        if expected.plan is None:
            self.form.show_plan(None, {})
            self.memory.show_problem(expected.problem)
            self.speed.hide()
            return
        self.form.show_plan(expected.plan, costs(profile, options, expected.plan))
        context = effective_options(profile, options).context
        self.memory.show_plan(profile.hardware, expected.plan, context)
        is_final = not self.finder.is_busy
        self.speed.show_speed(expected.speed, expected.speed_problem, is_final=is_final)

    def _show_saved(self) -> None:
        """Show whose options these are, and what the buttons would do."""
        is_outdated = self._is_loaded and self._workbench.engine.is_outdated
        if self._is_changed:
            whose, action = tr("Unsaved changes"), tr("Save")
            if self._is_loaded:
                action = tr("Save and reload")
        else:
            has_own = self._path in self._settings.value.model_options
            whose = tr("Custom for this model") if has_own else tr("Using defaults")
            action = tr("Reload to apply") if is_outdated else tr("Save")
        self.whose.set_text(whose)
        self.save_button.set_text(action)
        can_load = not is_impossible(self.form.options)
        self.save_button.setEnabled((self._is_changed or is_outdated) and can_load)
        self._close_button.set_text(tr("Cancel") if self._is_changed else tr("Close"))
        self.restore_button.setEnabled(self.form.options != self._defaults)
        self.presets.refresh()

    def _save(self) -> None:
        """Save the options, reload the model if it is loaded with others, and close."""
        options, own = self.form.options, dict(self._settings.value.model_options)
        own.pop(self._path, None)
        if options != self._defaults:
            own[self._path] = options
        try:
            self._settings.change(model_options=own)
        except AppError as error:
            self.notice.show_notice("error", describe_error(error.code, error.details))
            self._show_saved()
            return
        if self._is_loaded and self._workbench.engine.is_outdated:
            self._workbench.engine.load(self._path, self._name)
        self.accept()

    def _discard(self) -> None:
        self.form.set_options(self._saved)
        self.reject()

    def _show_raw(self) -> None:
        text = raw_parameters(self.form.options, self._plan)
        TextDialog(self._workbench.theme, tr("Raw parameters"), text, self).open()
