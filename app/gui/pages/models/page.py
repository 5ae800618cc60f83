"""Models page to download, list, load and delete models."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QStackedLayout, QVBoxLayout, QWidget

from app.core.errors import AppError
from app.core.events import ModelListed
from app.core.language import tr
from app.core.sentences import describe_error
from app.core.sizes import format_bytes
from app.gui.children.task import Task
from app.gui.pages.models.table import ModelTable
from app.gui.services.workbench import Workbench
from app.gui.theme.tokens import SPACING
from app.gui.widgets.button import Button
from app.gui.widgets.card import Card
from app.gui.widgets.confirm_dialog import ConfirmDialog
from app.gui.widgets.empty_state import EmptyState
from app.gui.widgets.icon_button import IconButton
from app.gui.widgets.notice_bar import NoticeBar
from app.gui.widgets.notice_list import NoticeList
from app.gui.widgets.page_layout import page_layout
from app.gui.widgets.plain_label import PlainLabel
from app.gui.widgets.text_dialog import TextDialog
from app.library.removal import plan_removal


class ModelsPage(QWidget):
    """Lists the library.

    Signals:
        chat_requested: the path and name of a model to chat with.
        convert_requested: the folder of a downloaded checkpoint to convert.
        options_requested: the path and name of a model whose load options to show.
    """

    chat_requested = Signal(str, str)
    convert_requested = Signal(str)
    options_requested = Signal(str, str)

    def __init__(self, workbench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workbench = workbench
        self._notice_task: Task | None = None
        theme = workbench.theme
        self.repository = self.safe_control = QLineEdit()
        self.repository.setPlaceholderText(tr("owner/name, or the address of its page"))
        self.repository.setAccessibleName(tr("Hugging Face repository"))
        self.repository.setClearButtonEnabled(True)
        self.download_button = Button(theme, tr("Download"), "primary", icon_name="download")
        self.notice = NoticeBar(theme)
        self.warnings = NoticeList(theme)
        self._warned: list[str] = []
        self.table = ModelTable()
        self._empty = EmptyState(
            theme,
            "models",
            tr("No models yet"),
            tr("Name a repository above, or drop a .gguf file or a folder here."),
        )
        self.chat_button = Button(theme, tr("Chat"), icon_name="chat")
        self.options_button = Button(theme, tr("Options…"), icon_name="sliders")
        self._folder_button = Button(theme, tr("Open folder"), "quiet", icon_name="folder")
        self.delete_button = Button(theme, tr("Delete…"), "danger", icon_name="trash")
        self._refresh = IconButton(theme, "refresh", tr("Look for models again"))
        self._build_layout()
        self._connect()
        self._show_models()

    def _build_layout(self) -> None:
        header, body = page_layout(self, tr("Models"))
        header.addWidget(self._refresh)
        getting = Card(tr("Get a model from Hugging Face"))
        row = QWidget()
        line = QHBoxLayout(row)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(SPACING.small)
        line.addWidget(self.repository, 1)
        line.addWidget(self.download_button)
        getting.add(row)
        getting.add(
            PlainLabel(
                tr(
                    "A repository with GGUF files can be talked to at once; "
                    "one with safetensors is converted first."
                ),
                "caption",
                wrap=True,
            )
        )
        body.addWidget(getting)
        body.addWidget(self.notice)
        body.addWidget(self.warnings)
        self._stack = QStackedLayout()
        listing = QWidget()
        column = QVBoxLayout(listing)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACING.medium)
        column.addWidget(self.table, 1)
        buttons = QHBoxLayout()
        buttons.setSpacing(SPACING.small)
        buttons.addWidget(self.chat_button)
        buttons.addWidget(self.options_button)
        buttons.addWidget(self._folder_button)
        buttons.addStretch(1)
        buttons.addWidget(self.delete_button)
        column.addLayout(buttons)
        body.addLayout(self._stack, 1)
        self._stack.addWidget(self._empty)
        self._stack.addWidget(listing)

    def _connect(self) -> None:
        self.download_button.clicked.connect(self._download)
        self.repository.returnPressed.connect(self._download)
        self.repository.textChanged.connect(self._show_buttons)
        self._refresh.clicked.connect(self._workbench.models.refresh)
        self._workbench.models.changed.connect(self._show_models)
        self._workbench.tasks.added.connect(self._on_task_added)
        self._workbench.tasks.ended.connect(self._on_task_ended)
        self.table.itemSelectionChanged.connect(self._show_buttons)
        self.table.itemActivated.connect(lambda _: self._chat())
        self.chat_button.clicked.connect(self._chat)
        self.options_button.clicked.connect(self._show_options)
        self._folder_button.clicked.connect(self._open_folder)
        self.delete_button.clicked.connect(self._ask_to_delete)
        self.notice.acted.connect(self._on_notice_acted)

    def _show_models(self) -> None:
        self.table.show_models(self._workbench.models.models)
        is_empty = not self._workbench.models.models
        self._stack.setCurrentIndex(0 if is_empty else 1)
        if not self._workbench.models.is_known:
            self._empty.show_state("search", tr("Looking for models…"), "")
        elif is_empty:
            self._empty.show_state(
                "models",
                tr("No models yet"),
                tr("Name a repository above, or drop a .gguf file or a folder here."),
            )
        self._show_buttons()

    def _show_buttons(self) -> None:
        model = self.table.chosen()
        is_usable = model is not None and model.problem is None
        self.chat_button.setEnabled(is_usable)
        self.options_button.setEnabled(is_usable)
        self._folder_button.setEnabled(model is not None)
        self.delete_button.setEnabled(model is not None)
        self.download_button.setEnabled(bool(self.repository.text().strip()))

    def _download(self) -> None:
        text = self.repository.text().strip()
        if not text:
            return
        self.notice.hide()
        self._warned = []
        self.warnings.show_sentences(())
        self._workbench.tasks.add("download", text, "download", text)
        self.repository.clear()

    def _chat(self) -> None:
        model = self.table.chosen()
        if model is not None and model.problem is None:
            self.chat_requested.emit(model.path, model.name)

    def _show_options(self) -> None:
        model = self.table.chosen()
        if model is not None:
            self.options_requested.emit(model.path, model.name)

    def _open_folder(self) -> None:
        model = self.table.chosen()
        if model is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(Path(model.path).parent)))

    def _on_task_added(self, task: Task) -> None:
        if task.kind == "download":
            task.noticed.connect(self._warn)

    def _warn(self, sentence: str) -> None:
        self._warned.append(sentence)
        self.warnings.show_sentences(self._warned)

    def _on_task_ended(self, task: Task) -> None:
        if task.kind != "download":
            return
        self._notice_task = task
        if task.state == "finished":
            self._show_downloaded(task)
        elif task.state == "failed":
            actions = [("retry", tr("Try again")), ("log", tr("Show log"))]
            self.notice.show_notice("error", task.sentence, actions)
        self._workbench.models.refresh()

    def _show_downloaded(self, task: Task) -> None:
        path = Path(task.paths[0])
        words = tr("{name} is downloaded.", name=task.title)
        action = ("convert", tr("Convert…")) if path.is_dir() else ("chat", tr("Chat now"))
        self.notice.show_notice("info", words, [action])

    def _on_notice_acted(self, action: str) -> None:
        task = self._notice_task
        if task is None:
            return
        if action == "log":
            TextDialog(self._workbench.theme, task.title, task.log_text(), self).open()
            return
        self.notice.hide()
        if action == "retry":
            self._workbench.tasks.add("download", task.title, "download", task.title)
        elif action == "convert":
            self.convert_requested.emit(task.paths[0])
        elif action == "chat":
            self.chat_requested.emit(task.paths[0], Path(task.paths[0]).stem)

    def _ask_to_delete(self) -> None:
        model = self.table.chosen()
        if model is None:
            return
        plan = plan_removal(Path(model.path))
        size = format_bytes(plan.size_bytes)
        dialog = ConfirmDialog(
            self._workbench.theme,
            tr("Delete {name}?", name=model.name),
            tr("This frees {size}. It can't be undone.", size=size),
            [str(file) for file in plan.files],
            tr("Delete"),
            self,
            is_destructive=True,
        )
        dialog.accepted.connect(lambda: self._delete(model))
        dialog.open()

    def _delete(self, model: ModelListed) -> None:
        engine = self._workbench.engine
        if getattr(engine.state, "path", None) == model.path:
            engine.unload()
        try:
            plan_removal(Path(model.path)).execute()
        except AppError as error:
            self.notice.show_notice("error", describe_error(error.code, error.details))
        self._workbench.models.refresh()
