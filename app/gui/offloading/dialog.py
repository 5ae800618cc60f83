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
from app.gui.offloading.form import LoadOptionsForm
from app.gui.offloading.memory_view import MemoryView
from app.gui.offloading.preset_bar import PresetBar
from app.gui.offloading.raw_parameters import raw_parameters
from app.gui.services.engine import EngineReady
from app.gui.services.profile_finder import ProfileFinder
from app.gui.services.serve_arguments import serve_command
from app.gui.services.workbench import Workbench
from app.gui.theme.tokens import SIZE, SPACING
from app.gui.widgets.button import Button
from app.gui.widgets.copy_button import CopyButton
from app.gui.widgets.dialog_buttons import dialog_buttons
from app.gui.widgets.notice_bar import NoticeBar
from app.gui.widgets.notice_list import NoticeList
from app.gui.widgets.plain_label import PlainLabel
from app.gui.widgets.scroll_column import ScrollColumn
from app.gui.widgets.text_dialog import TextDialog

_USUAL_SIZE = QSize(1000, 720)
_SMALLEST_SIZE = QSize(800, 480)
_LOAD_AGAIN = "load"


class OffloadingDialog(QDialog):
    """Shows the options of any model of the library, with `open_for`.

    Changes are saved only when the user asks for it.
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
        self.raw_button = Button(theme, tr("Raw parameters"), "quiet", icon_name="info")
        self.copy_button = CopyButton(
            theme,
            tr("Copy as command line"),
            self.command_line,
            words=tr("Copy as command line"),
            compact=False,
        )
        self.restore_button = Button(theme, tr("Restore defaults"))
        self.use_button = Button(theme, tr("Use for this model"), "primary")
        self._close_button = Button(theme, tr("Close"))
        self._build_layout()
        self._connect()

    @property
    def plan(self) -> Plan | None:
        """The plan for the shown options; None while it is unknown."""
        return self._plan

    def open_for(self, path: str, name: str) -> None:
        """Show the options of a model and find its profile."""
        self._path, self._name = path, name
        title = tr("Options of {name}", name=name)
        self.setWindowTitle(title)
        self._title.set_text(title)
        self.notice.hide()
        self._plan = None
        self.form.set_profile(None)
        self.form.set_options(self._kept())
        self.form.show_plan(None, {})
        self._find()
        self._show_kept()
        self._offer_reload()
        self._close_button.setFocus()
        self.open()

    def done(self, result: int) -> None:
        """Stop finding the profile."""
        self.finder.stop()
        super().done(result)

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
        column.addWidget(self.notice)
        column.addWidget(self.warnings)
        scroll = ScrollColumn()
        scroll.column.addWidget(self.form)
        scroll.column.addStretch(1)
        body = QHBoxLayout()
        body.setSpacing(SPACING.large)
        body.addWidget(scroll, 1)
        body.addWidget(self._side())
        column.addLayout(body, 1)
        close, use, restore = self._close_button, self.use_button, self.restore_button
        column.addLayout(dialog_buttons(close, use, aside=restore))
        self.setMinimumSize(_SMALLEST_SIZE)
        self.resize(_USUAL_SIZE)

    def _side(self) -> QWidget:
        scroll = ScrollColumn()
        scroll.column.setSpacing(SPACING.small)
        scroll.column.addWidget(self.memory)
        scroll.column.addWidget(self.raw_button, 0, Qt.AlignmentFlag.AlignLeft)
        scroll.column.addWidget(self.copy_button, 0, Qt.AlignmentFlag.AlignLeft)
        scroll.column.addStretch(1)
        scroll.setFixedWidth(SIZE.side)
        return scroll

    def _connect(self) -> None:
        self.form.changed.connect(self._on_changed)
        self.presets.chosen.connect(self._show_options)
        self.presets.failed.connect(lambda words: self.notice.show_notice("error", words))
        self.finder.found.connect(self._on_found)
        self.finder.failed.connect(self._on_failed)
        self.finder.noticed.connect(self._show_warnings)
        self.memory.retried.connect(self._find)
        self.memory.context_wanted.connect(self._take_context)
        self.raw_button.clicked.connect(self._show_raw)
        self.restore_button.clicked.connect(self._restore)
        self.use_button.clicked.connect(self._keep)
        self._close_button.clicked.connect(self.reject)
        self.notice.acted.connect(self._on_notice_acted)
        self._workbench.engine.changed.connect(self._offer_reload)

    def _kept(self) -> LoadOptions:
        return self._settings.value.options_for(Path(self._path))

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
        self._show_kept()

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
            return
        self.form.show_plan(expected.plan, costs(profile, options, expected.plan))
        context = effective_options(profile, options).context
        self.memory.show_plan(profile.hardware, expected.plan, context)

    def _show_kept(self) -> None:
        """Show whose options these are, and enable the buttons that apply."""
        settings, options = self._settings.value, self.form.options
        has_own = self._path in settings.model_options
        if options != self._kept():
            words = tr("Changed, and not kept yet")
        elif has_own:
            words = tr("This model's own options")
        else:
            words = tr("As set for all models in the settings")
        self.whose.set_text(words)
        self.use_button.setEnabled(options != self._kept())
        self.restore_button.setEnabled(has_own or options != load_options_of(settings))
        self.presets.refresh()

    def _keep(self) -> None:
        own = self._settings.value.model_options
        self._save(own | {self._path: self.form.options})

    def _restore(self) -> None:
        own = self._settings.value.model_options
        self._save({path: own[path] for path in own if path != self._path})
        self._show_options(self._kept())

    def _save(self, own: dict[str, LoadOptions]) -> None:
        try:
            self._settings.change(model_options=own)
        except AppError as error:
            self.notice.show_notice("error", describe_error(error.code, error.details))
        else:
            self._offer_reload()
        self._show_kept()

    def _offer_reload(self) -> None:
        """Offer a reload if the model is loaded with other options than the saved ones."""
        engine = self._workbench.engine
        is_here = isinstance(engine.state, EngineReady) and engine.state.path == self._path
        if is_here and engine.is_outdated:
            words = tr("The model is loaded with other options.")
            action = (_LOAD_AGAIN, tr("Load again to use these"))
            self.notice.show_notice("info", words, [action])
        else:
            self.notice.hide()

    def _on_notice_acted(self, action: str) -> None:
        if action == _LOAD_AGAIN:
            self._workbench.engine.load(self._path, self._name)

    def _show_raw(self) -> None:
        text = raw_parameters(self.form.options, self._plan)
        TextDialog(self._workbench.theme, tr("Raw parameters"), text, self).open()
