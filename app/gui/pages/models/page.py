"""Models page to download, list, load, convert and delete models."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QStackedLayout, QWidget

from app.core.language import tr
from app.core.sentences import describe_verification
from app.gui.children.task import Task
from app.gui.getting.first_models_list import FirstModelsList
from app.gui.pages.models.downloads_card import DownloadsCard
from app.gui.pages.models.folders_card import FoldersCard
from app.gui.pages.models.library_view import LibraryView
from app.gui.pages.models.repository_card import RepositoryCard
from app.gui.services.workbench import Workbench
from app.gui.widgets.empty_state import EmptyState
from app.gui.widgets.icon_button import IconButton
from app.gui.widgets.notice_bar import NoticeBar
from app.gui.widgets.notice_list import NoticeList
from app.gui.widgets.page_layout import page_layout
from app.gui.widgets.scroll_column import ScrollColumn
from app.library.unfinished_downloads import DownloadKind

_KINDS = get_args(DownloadKind)

_FIRST_MODELS = 5


class ModelsPage(QWidget):
    """Gets models, shows downloads and lists the library.

    Signals:
        chat_requested: the path and name of a model to chat with.
        convert_requested: the folder of a downloaded checkpoint to convert.
        options_requested: the path and name of a model whose load options to show.
        inspection_requested: the path and name of a model whose page to show.
        sign_in_requested: the user wants to enter an access token.
        search_requested: the user wants to search the Hub.
    """

    chat_requested = Signal(str, str)
    convert_requested = Signal(str)
    options_requested = Signal(str, str)
    inspection_requested = Signal(str, str)
    sign_in_requested = Signal()
    search_requested = Signal()

    def __init__(self, workbench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._models = workbench.models
        self._downloaded: Task | None = None
        self._verified = ""
        theme = workbench.theme
        self.getting = RepositoryCard(theme, workbench.downloads, self)
        self.downloads = DownloadsCard(theme, workbench.downloads, self.getting.last_control, self)
        self.folders = FoldersCard(workbench)
        self.library = LibraryView(workbench)
        self.notice = NoticeBar(theme)
        self.warnings = NoticeList(theme)
        self._warned: list[str] = []
        self.repository = self.safe_control = self.getting.repository
        self.download_button = self.getting.download_button
        self.table = self.library.table
        self.options_button = self.library.options_button
        self._empty = EmptyState(theme, "models", tr("No models yet"), "")
        self.first_models = FirstModelsList(workbench, _FIRST_MODELS)
        self._empty.add(self.first_models)
        self._refresh = IconButton(theme, "refresh", tr("Refresh the list"))
        self._build_layout()
        self._connect(workbench)
        self._show()

    def _build_layout(self) -> None:
        header, body = page_layout(self, tr("Models"))
        header.addWidget(self._refresh)
        scroll = ScrollColumn()
        body.addWidget(scroll, 1)
        for widget in (self.getting, self.notice, self.warnings, self.downloads, self.folders):
            scroll.column.addWidget(widget)
        self._stack = QStackedLayout()
        scroll.column.addLayout(self._stack, 1)
        self._stack.addWidget(self._empty)
        self._stack.addWidget(self.library)

    def _connect(self, workbench: Workbench) -> None:
        self._refresh.clicked.connect(self._models.refresh)
        self._models.changed.connect(self._show)
        self._models.changed.connect(self._report_verified)
        workbench.tasks.added.connect(self._on_task_added)
        workbench.tasks.ended.connect(self._on_task_ended)
        self.getting.sign_in_requested.connect(self.sign_in_requested)
        self.library.chat_requested.connect(self.chat_requested)
        self.library.convert_requested.connect(self.convert_requested)
        self.library.options_requested.connect(self.options_requested)
        self.library.inspection_requested.connect(self.inspection_requested)
        self.library.sign_in_requested.connect(self.sign_in_requested)
        self.library.failed.connect(self._fail)
        self._empty.acted.connect(self.search_requested)
        self.first_models.chat_requested.connect(self._chat)
        self.notice.acted.connect(self._on_notice_acted)

    def _show(self) -> None:
        is_empty = not (self._models.models or self._models.checkpoints)
        self._stack.setCurrentIndex(0 if is_empty else 1)
        if self._models.is_known and is_empty:
            self.first_models.offer()
        else:
            self.first_models.withdraw()
        if not self._models.is_known:
            self._empty.show_state("search", tr("Looking for models…"), "")
        elif is_empty:
            words = tr("Search the Hub, or drop a GGUF file or a model folder here.")
            self._empty.show_state("models", tr("No models yet"), words, tr("Search the Hub"))

    def _fail(self, sentence: str) -> None:
        self._downloaded = None
        self.notice.show_notice("error", sentence)

    def _on_task_added(self, task: Task) -> None:
        if task.kind in _KINDS:
            self._warned = []
            self.warnings.show_sentences(())
            task.noticed.connect(self._warn)

    def _warn(self, sentence: str) -> None:
        self._warned.append(sentence)
        self.warnings.show_sentences(self._warned)

    def _on_task_ended(self, task: Task) -> None:
        if task.kind == "verify":
            self._show_verification(task)
        if task.kind not in _KINDS or task.state != "finished":
            return
        self._downloaded = task
        is_checkpoint = Path(task.paths[0]).is_dir()
        action = ("convert", tr("Convert…")) if is_checkpoint else ("chat", tr("Chat now"))
        words = (
            tr("{name} is downloaded.", name=task.title)
            if task.kind == "download"
            else tr("{name} is ready.", name=task.title)
        )
        self.notice.show_notice("info", words, [action])

    def _show_verification(self, task: Task) -> None:
        self._verified = task.arguments[-1] if task.state == "finished" else ""
        self._models.refresh()
        if task.state == "failed":
            self._fail(task.sentence)

    def _report_verified(self) -> None:
        """Report the result, once the list has it."""
        model = self._models.model_at(self._verified) if self._verified else None
        if model is not None and model.verification is not None:
            self._verified = ""
            found = describe_verification(model.verification)
            self.notice.show_notice("info", f"{model.title}: {found}")

    def _on_notice_acted(self, action: str) -> None:
        if self._downloaded is None:
            return
        self.notice.hide()
        place = self._downloaded.paths[0]
        if action == "convert":
            self.convert_requested.emit(place)
        else:
            self._chat(place)

    def _chat(self, path: str) -> None:
        listed = self._models.model_at(path)
        self.chat_requested.emit(path, listed.title if listed else Path(path).stem)
