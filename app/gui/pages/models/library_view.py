"""Table of models and checkpoints with what can be done with them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace
from PySide6.QtCore import QPoint, Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QHBoxLayout, QMenu, QVBoxLayout, QWidget

from app.core.errors import AppError
from app.core.events import CheckpointListed, ModelListed
from app.core.language import tr
from app.core.model_facts import Marks
from app.core.sentences import describe_error
from app.gui.pages.models.deletion import Deletion
from app.gui.pages.models.facts_line import Listed, facts_in_words
from app.gui.pages.models.marks_dialog import MarksDialog
from app.gui.pages.models.publisher import Publisher
from app.gui.pages.models.table import ModelTable
from app.gui.services.workbench import Workbench
from app.gui.theme.tokens import SPACING
from app.gui.widgets.button import Button
from app.gui.widgets.clearable_field import ClearableField
from app.gui.widgets.plain_label import PlainLabel


class LibraryView(QWidget):
    """Lists the library; buttons and a menu act on the selected row.

    Signals:
        failed: a sentence about an action that failed.
        chat_requested: the path and name of a model to chat with.
        convert_requested: the folder of a downloaded checkpoint to convert.
        options_requested: the path and name of a model whose load options to show.
        inspection_requested: the path and name of a model whose page to show.
        sign_in_requested: the user wants to enter an access token.
    """

    failed = Signal(str)
    chat_requested = Signal(str, str)
    convert_requested = Signal(str)
    options_requested = Signal(str, str)
    inspection_requested = Signal(str, str)
    sign_in_requested = Signal()

    def __init__(self, workbench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme = workbench.theme
        self._workbench = workbench
        self._models = workbench.models
        self.filter = ClearableField(tr("Filter by name, tag, architecture or source"))
        self.facts = PlainLabel("", "caption", wrap=True, selectable=True)
        self.deletion = Deletion(workbench, self)
        self.publisher = Publisher(workbench, self)
        self.table = self.safe_control = ModelTable()
        self.chat_button = Button(theme, tr("Chat"), icon_name="chat")
        self.convert_button = Button(theme, tr("Convert…"), icon_name="convert")
        self.options_button = Button(theme, tr("Options…"), icon_name="sliders")
        self.inspect_button = Button(theme, tr("Inspect…"), icon_name="info")
        self.folder_button = Button(theme, tr("Open folder"), "quiet", icon_name="folder")
        self.delete_button = Button(theme, tr("Delete…"), "danger", icon_name="trash")
        self._actions: dict[Button, Callable[[], None]] = {
            self.chat_button: self._chat,
            self.convert_button: self._convert,
            self.options_button: self._show_options,
            self.inspect_button: self._inspect,
            self.folder_button: self._open_folder,
            self.delete_button: self._delete,
        }
        self._build_layout()
        for button, act in self._actions.items():
            button.clicked.connect(act)
        self.filter.textChanged.connect(self.table.set_filter)
        self.deletion.failed.connect(self.failed)
        self.publisher.sign_in_requested.connect(self.sign_in_requested)
        self.table.itemSelectionChanged.connect(self._show_buttons)
        self.table.itemActivated.connect(lambda _: self._use())
        self.table.deletion_requested.connect(self._delete)
        self.table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.table.customContextMenuRequested.connect(self._show_menu)
        self._models.changed.connect(self._show)
        self._show()

    def _build_layout(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACING.medium)
        column.addWidget(self.filter)
        column.addWidget(self.table, 1)
        column.addWidget(self.facts)
        buttons = QHBoxLayout()
        buttons.setSpacing(SPACING.small)
        for button in self._actions:
            if button is self.delete_button:
                buttons.addStretch(1)
            buttons.addWidget(button)
        column.addLayout(buttons)

    def _show(self) -> None:
        self.table.show_models((*self._models.models, *self._models.checkpoints))
        self._show_buttons()

    def _show_buttons(self) -> None:
        chosen = self.table.chosen()
        is_checkpoint = isinstance(chosen, CheckpointListed)
        is_usable = isinstance(chosen, ModelListed) and chosen.problem is None
        self.chat_button.setVisible(not is_checkpoint)
        self.options_button.setVisible(not is_checkpoint)
        self.inspect_button.setVisible(not is_checkpoint)
        self.convert_button.setVisible(is_checkpoint)
        self.chat_button.setEnabled(is_usable)
        self.options_button.setEnabled(is_usable)
        self.inspect_button.setEnabled(is_usable)
        self.folder_button.setEnabled(chosen is not None)
        self.delete_button.setEnabled(chosen is not None)
        self.facts.set_text(facts_in_words(chosen) if chosen is not None else "")

    def _show_menu(self, place: QPoint) -> None:
        if self.table.chosen() is None:
            return
        row = self.table.currentIndex()
        if self.table.indexAt(place).row() != row.row():
            # The menu key names no place of its own.
            place = self.table.visualRect(row).center()
        menu = QMenu(self)
        menu.aboutToHide.connect(menu.deleteLater)
        for button, act in self._actions.items():
            if not button.isHidden():
                menu.addAction(button.text(), act).setEnabled(button.isEnabled())
        if isinstance(chosen := self.table.chosen(), ModelListed):
            self._add_model_actions(menu, chosen)
        menu.popup(self.table.viewport().mapToGlobal(place))

    def _add_model_actions(self, menu: QMenu, model: ModelListed) -> None:
        menu.addSeparator()
        favorite = menu.addAction(tr("Favorite"), lambda: self._toggle_favorite(model))
        favorite.setCheckable(True)
        favorite.setChecked(model.marks.is_favorite)
        menu.addAction(tr("Label and tags…"), lambda: self._edit_marks(model))
        menu.addAction(tr("Verify"), lambda: self._verify(model))
        publish = menu.addAction(
            tr("Publish…"), lambda: self.publisher.ask(model.path, model.title)
        )
        publish.setEnabled(model.problem is None)

    def _toggle_favorite(self, model: ModelListed) -> None:
        self._mark(model, replace(model.marks, is_favorite=not model.marks.is_favorite))

    def _edit_marks(self, model: ModelListed) -> None:
        dialog = MarksDialog(self._workbench.theme, model, self)
        dialog.chosen.connect(lambda marks: self._mark(model, marks))
        dialog.open()

    def _mark(self, model: ModelListed, marks: Marks) -> None:
        try:
            self._models.mark(model, marks)
        except AppError as error:
            self.failed.emit(describe_error(error.code, error.details))

    def _verify(self, model: ModelListed) -> None:
        self._workbench.tasks.add("verify", model.title, "models", "verify", model.path)

    def _use(self) -> None:
        """Do what the first button does."""
        if isinstance(self.table.chosen(), CheckpointListed):
            self._convert()
        else:
            self._chat()

    def _chat(self) -> None:
        if (model := self._usable()) is not None:
            self.chat_requested.emit(model.path, model.title)

    def _convert(self) -> None:
        if isinstance(chosen := self.table.chosen(), CheckpointListed):
            self.convert_requested.emit(chosen.path)

    def _show_options(self) -> None:
        if (model := self._usable()) is not None:
            self.options_requested.emit(model.path, model.title)

    def _inspect(self) -> None:
        if (model := self._usable()) is not None:
            self.inspection_requested.emit(model.path, model.name)

    def _open_folder(self) -> None:
        if (chosen := self.table.chosen()) is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(_folder_of(chosen))))

    def _delete(self) -> None:
        if (chosen := self.table.chosen()) is not None:
            self.deletion.ask(chosen)

    def _usable(self) -> ModelListed | None:
        chosen = self.table.chosen()
        is_usable = isinstance(chosen, ModelListed) and chosen.problem is None
        return chosen if isinstance(chosen, ModelListed) and is_usable else None


def _folder_of(listed: Listed) -> Path:
    path = Path(listed.path)
    return path if isinstance(listed, CheckpointListed) else path.parent
