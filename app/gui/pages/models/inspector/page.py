"""A model's page: the contents of its file, and the actions on it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QFileDialog,
    QHBoxLayout,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from app.core.events import Progressed
from app.core.inspection_events import TemplateTried
from app.core.language import tr
from app.gguf_file.editable_metadata import TEMPLATE_KEY
from app.gguf_file.model_contents import ModelContents
from app.gguf_file.type_recipe import recipe_of
from app.gui.pages.models.inspector.changes_bar import ChangesBar
from app.gui.pages.models.inspector.contents_finder import ContentsFinder
from app.gui.pages.models.inspector.facts_view import FactsView
from app.gui.pages.models.inspector.metadata_saver import MetadataSaver
from app.gui.pages.models.inspector.metadata_view import MetadataView
from app.gui.pages.models.inspector.pending_changes import PendingChanges
from app.gui.pages.models.inspector.template_dialog import TemplateDialog
from app.gui.pages.models.inspector.template_trial import TemplateTrial
from app.gui.pages.models.inspector.template_view import TemplateView
from app.gui.pages.models.inspector.tensors_view import TensorsView
from app.gui.pages.models.publisher import Publisher
from app.gui.recipes.recipe_saver import RecipeSaver
from app.gui.services.engine import EngineLoading, EngineReady
from app.gui.services.workbench import Workbench
from app.gui.theme.tokens import SPACING
from app.gui.widgets.button import Button
from app.gui.widgets.confirm_dialog import ConfirmDialog
from app.gui.widgets.empty_state import EmptyState
from app.gui.widgets.icon_button import IconButton
from app.gui.widgets.notice_bar import NoticeBar
from app.gui.widgets.plain_label import PlainLabel
from app.gui.widgets.segmented_choice import SegmentedChoice

_Part = Literal["metadata", "tensors", "template"]


class InspectorPage(QWidget):
    """Shows one model at a time.

    Signals:
        closed: the user goes back to the list of models.
        chat_requested: the path and name of the model to chat with.
        convert_requested: the path of the model to convert.
        types_requested: the path of the model whose types the next conversion takes.
        measure_requested: the path of the model to measure.
        sign_in_requested: the user wants to enter an access token.
    """

    closed = Signal()
    chat_requested = Signal(str, str)
    convert_requested = Signal(str)
    types_requested = Signal(str)
    measure_requested = Signal(str)
    sign_in_requested = Signal()

    def __init__(self, workbench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme = workbench.theme
        self._workbench = workbench
        self._path = self._name = ""
        self._contents: ModelContents | None = None
        self.changes = PendingChanges(self)
        self.finder = ContentsFinder(self)
        self.trial = TemplateTrial(self)
        self.saver = MetadataSaver(self)
        self.back_button = IconButton(theme, "chevron-left", tr("Back to the models"))
        self.safe_control = self.back_button
        self._title = PlainLabel("", "display", elide=True)
        self.chat_button = Button(theme, tr("Chat"), icon_name="chat")
        self.convert_button = Button(theme, tr("Convert…"), icon_name="convert")
        self.measure_button = Button(theme, tr("Measure…"), icon_name="measure")
        self.types_button = Button(theme, tr("Use its types…"), icon_name="grid")
        self.publish_button = Button(theme, tr("Publish…"), icon_name="hub")
        self.publisher = Publisher(workbench, self)
        self.recipes = RecipeSaver(self)
        self.notice = NoticeBar(theme)
        self.facts = FactsView()
        self.metadata = MetadataView(theme, self.changes)
        self.tensors = TensorsView(theme)
        self.template = TemplateView(theme)
        parts: list[tuple[_Part, str]] = [
            ("metadata", tr("Metadata")),
            ("tensors", tr("Tensors")),
            ("template", tr("Chat template")),
        ]
        self.choice = SegmentedChoice(theme, tr("Part of the file"), parts)
        self.bar = ChangesBar(theme, self.changes)
        self._state = EmptyState(theme, "search", tr("Reading the file…"), "")
        self._build_layout()
        self._connect()

    @property
    def is_shown(self) -> bool:
        """True if the contents of the model are shown."""
        return self._whole.currentIndex() == 1

    def open_for(self, path: str, name: str) -> None:
        """Show a model; unsaved changes of another one are dropped only by consent."""
        if path == self._path and self.changes.values:
            return
        self._leave(lambda: self._open(path, name))

    def save(self) -> None:
        """Change the model, unless it is loaded."""
        state = self._workbench.engine.state
        if isinstance(state, EngineLoading | EngineReady) and state.path == self._path:
            words = tr("{name} is loaded, so its file can't be changed now.", name=self._name)
            self.notice.show_notice("warning", words, [("unload", tr("Unload and save"))])
            return
        self.saver.save(self._path, self.changes.values)

    def save_copy(self, to: str) -> None:
        """Write a changed copy of the model."""
        self.saver.save(self._path, self.changes.values, to)

    def edit_template(self) -> None:
        """Open the dialog to change the chat template."""
        dialog = TemplateDialog(self._workbench.theme, self.changes.template, self.trial, self)
        dialog.entered.connect(lambda text: self.changes.set_value(TEMPLATE_KEY, text))
        dialog.open()

    def show_part(self, part: _Part) -> None:
        """Show the metadata, the tensors or the template."""
        self.choice.set_value(part)
        self._show_part(part)

    def minimumSizeHint(self) -> QSize:
        """Return the size with the buttons below the choice, as they are in a narrow window."""
        hint = super().minimumSizeHint()
        if self._line.direction() is QBoxLayout.Direction.LeftToRight:
            acts, choice = self._acts_line.minimumSize(), self.choice.minimumSizeHint()
            hint.setWidth(hint.width() - min(acts.width(), choice.width()) - SPACING.medium)
        return hint

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Put the buttons below the choice where they don't fit beside it."""
        super().resizeEvent(event)
        widths = [widget.sizeHint().width() for widget in (self.choice, *self._acts)]
        taken = sum(widths) + len(widths) * SPACING.medium + 2 * SPACING.wide
        is_beside = taken <= self.width()
        beside, below = QBoxLayout.Direction.LeftToRight, QBoxLayout.Direction.TopToBottom
        self._line.setDirection(beside if is_beside else below)
        left, right = Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignRight
        self._line.setAlignment(self._acts_line, right if is_beside else left)

    def _open(self, path: str, name: str) -> None:
        self._path, self._name = path, name
        self._title.set_text(name)
        self.setAccessibleName(name)
        self.notice.hide()
        self.changes.start({})
        self.trial.set_model(path)
        self.show_part("metadata")
        self._state.show_state("search", tr("Reading the file…"), "")
        self._show_contents(is_shown=False)
        self.finder.find(path)

    def _leave(self, then: Callable[[], None]) -> None:
        """Go on, after a question if there are unsaved changes."""
        if not self.changes.values:
            then()
            return
        dialog = ConfirmDialog(
            self._workbench.theme,
            tr("Discard the changes?"),
            tr("The changes to {name} are not saved.", name=self._name),
            [],
            tr("Discard"),
            self,
            is_destructive=True,
        )
        dialog.accepted.connect(then)
        dialog.open()

    def _close(self) -> None:
        self.changes.start({})
        self.trial.stop()
        self.finder.stop()
        self.closed.emit()

    def _on_found(self, contents: ModelContents) -> None:
        stored = {entry.key: entry.value for entry in contents.metadata}
        if contents.template:
            stored[TEMPLATE_KEY] = contents.template
        self._contents = contents
        self.facts.show_contents(contents)
        self.metadata.show_contents(contents)
        self.tensors.show_contents(contents)
        self.changes.start(stored)
        self._show_contents(is_shown=True)

    def _on_tried(self, tried: TemplateTried) -> None:
        self.template.show_trial(self.changes.stored(TEMPLATE_KEY), tried)

    def _on_unreadable(self, sentence: str) -> None:
        self._state.show_state("warning", tr("This file can't be shown"), sentence)
        self._show_contents(is_shown=False)

    def _show_contents(self, *, is_shown: bool) -> None:
        self._whole.setCurrentIndex(1 if is_shown else 0)
        for button in (self.chat_button, *self._acts):
            button.setEnabled(is_shown)

    def _on_changed(self) -> None:
        text = self.changes.template
        if text != self.template.panes.source.toPlainText() or not text:
            self.template.show_template(text)
            if text and TEMPLATE_KEY in self.changes.values:
                self.trial.try_out(text)

    def _on_progressed(self, progress: Progressed) -> None:
        self.bar.show_progress(progress, self.saver.pace)

    def _on_saved(self, path: str) -> None:
        self.bar.offer()
        self._workbench.models.refresh()
        self.changes.start({})
        if path != self._path and not Path(path).samefile(self._path):
            words = tr("The changed copy is {name}.", name=Path(path).name)
            self._open(path, Path(path).stem)
        else:
            words = tr("The changes to {name} are saved.", name=self._name)
            part = self.choice.value
            self._open(self._path, self._name)
            self.choice.set_value(part)
            self._show_part(part)
        self.notice.show_notice("info", words)

    def _on_not_saved(self, sentence: str) -> None:
        self.bar.offer()
        self.notice.show_notice("error", sentence)

    def _on_notice_acted(self, action: str) -> None:
        if action == "unload":
            self.notice.hide()
            self._workbench.engine.unload()
            self.save()

    def _pick_copy(self) -> None:
        path = Path(self._path)
        suggested = str(path.with_name(f"{path.stem}-edited.gguf"))
        title = tr("Save a changed copy")
        to = QFileDialog.getSaveFileName(self, title, suggested, "GGUF (*.gguf)")[0]
        if to:
            self.save_copy(to)

    def _save_types(self) -> None:
        if self._contents is not None:
            self.recipes.ask(self._path, recipe_of(self._contents.tensors))

    def _show_part(self, part: str) -> None:
        views = {"metadata": self.metadata, "tensors": self.tensors, "template": self.template}
        self._parts.setCurrentWidget(views[part])

    def _connect(self) -> None:
        self.back_button.clicked.connect(lambda: self._leave(self._close))
        self.chat_button.clicked.connect(lambda: self.chat_requested.emit(self._path, self._name))
        self.convert_button.clicked.connect(lambda: self.convert_requested.emit(self._path))
        self.measure_button.clicked.connect(lambda: self.measure_requested.emit(self._path))
        self.types_button.clicked.connect(lambda: self.types_requested.emit(self._path))
        self.publish_button.clicked.connect(lambda: self.publisher.ask(self._path, self._name))
        self.publisher.sign_in_requested.connect(self.sign_in_requested)
        self.tensors.save_wanted.connect(self._save_types)
        self.recipes.saved.connect(lambda words: self.notice.show_notice("info", words))
        self.recipes.failed.connect(lambda words: self.notice.show_notice("error", words))
        self.choice.changed.connect(self._show_part)
        self.finder.found.connect(self._on_found)
        self.finder.tried.connect(self._on_tried)
        self.finder.failed.connect(self._on_unreadable)
        for child in (self.finder, self.trial, self.saver):
            child.noticed.connect(lambda words: self.notice.show_notice("warning", words))
        self.trial.tried.connect(self.template.show_trial)
        self.metadata.template_wanted.connect(self.edit_template)
        self.template.edit_wanted.connect(self.edit_template)
        self.changes.changed.connect(self._on_changed)
        self.notice.acted.connect(self._on_notice_acted)
        self._connect_saver()

    def _connect_saver(self) -> None:
        self.bar.saved.connect(self.save)
        self.bar.copied.connect(self._pick_copy)
        self.bar.canceled.connect(self.saver.cancel)
        self.saver.progressed.connect(self._on_progressed)
        self.saver.saved.connect(self._on_saved)
        self.saver.failed.connect(self._on_not_saved)
        self.saver.canceled.connect(self.bar.offer)

    def _build_layout(self) -> None:
        self.setProperty("role", "page")
        header = QHBoxLayout()
        header.setSpacing(SPACING.small)
        header.addWidget(self.back_button)
        header.addWidget(self._title, 1)
        header.addWidget(self.chat_button)
        self._acts = (
            self.convert_button,
            self.measure_button,
            self.types_button,
            self.publish_button,
        )
        acts = self._acts_line = QHBoxLayout()
        acts.setSpacing(SPACING.small)
        for button in self._acts:
            acts.addWidget(button)
        self._line = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._line.setSpacing(SPACING.medium)
        self._line.addWidget(self.choice, 0, Qt.AlignmentFlag.AlignLeft)
        self._line.addLayout(acts)
        self._parts = QStackedLayout()
        for view in (self.metadata, self.tensors, self.template):
            self._parts.addWidget(view)
        contents = QWidget()
        inner = QVBoxLayout(contents)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.setSpacing(SPACING.large)
        inner.addWidget(self.facts)
        inner.addLayout(self._line)
        inner.addLayout(self._parts, 1)
        inner.addWidget(self.bar)
        self._whole = QStackedLayout()
        self._whole.addWidget(self._state)
        self._whole.addWidget(contents)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(SPACING.wide, SPACING.large, SPACING.wide, SPACING.large)
        outer.setSpacing(SPACING.large)
        outer.addLayout(header)
        outer.addWidget(self.notice)
        outer.addLayout(self._whole, 1)
