"""Hub page: a search, and the pages of repositories that were opened from it."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QStackedLayout, QWidget

from app.core.hub_events import HubSearch
from app.core.language import tr
from app.gui.pages.hub.repository_view import RepositoryView
from app.gui.pages.hub.search_view import SearchView
from app.gui.services.workbench import Workbench
from app.gui.widgets.focus_guide import focus_target_in
from app.gui.widgets.notice_bar import NoticeBar
from app.gui.widgets.page_layout import page_layout


class HubBrowsingPage(QWidget):
    """Searches the Hub, and gets models from it.

    Signals:
        chat_requested: the path and name of a model to chat with.
        sign_in_requested: the user wants to enter an access token.
    """

    chat_requested = Signal(str, str)
    sign_in_requested = Signal()

    def __init__(self, workbench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._models = workbench.models
        self._getting = workbench.getting
        self._opened: list[tuple[str, str | None]] = []
        self._ready = ""
        self.notice = NoticeBar(workbench.theme)
        self.search = SearchView(workbench.theme, workbench.hub)
        self.repository = RepositoryView(workbench)
        _, body = page_layout(self, tr("Hub"))
        body.addWidget(self.notice)
        self._stack = QStackedLayout()
        body.addLayout(self._stack, 1)
        for view in (self.search, self.repository):
            self._stack.addWidget(view)
        self._back_keys = [
            QShortcut(QKeySequence(keys), self)
            for keys in (Qt.Key.Key_Escape, Qt.Modifier.ALT | Qt.Key.Key_Left)
        ]
        self._connect()
        self._show(self.search)

    @property
    def safe_control(self) -> QWidget:
        """The control that gets the focus when another one is gone."""
        return focus_target_in(self._stack.currentWidget())

    def open_repository(self, repository: str, revision: str | None = None) -> None:
        """Show the page of a repository; Back leads to the current view."""
        self._opened.append((repository, revision))
        self.repository.open(repository, revision)
        self._show(self.repository)

    def go_back(self) -> None:
        """Show the previous repository, or the search."""
        self.repository.stop()
        self._opened = self._opened[:-1]
        if self._opened:
            self.repository.open(*self._opened[-1])
        else:
            self._show(self.search)
            self.search.focus_results()

    def _connect(self) -> None:
        self.search.opened.connect(self.open_repository)
        self.repository.back.connect(self.go_back)
        self.repository.opened.connect(self.open_repository)
        self.repository.quantized_requested.connect(self._search_quantized)
        self.repository.chat_requested.connect(self._chat)
        self.repository.sign_in_requested.connect(self.sign_in_requested)
        self._getting.finished.connect(self._on_finished)
        self.notice.acted.connect(lambda _: self._chat(self._ready))
        for keys in self._back_keys:
            keys.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            keys.activated.connect(self.go_back)

    def _show(self, view: QWidget) -> None:
        self._stack.setCurrentWidget(view)
        for keys in self._back_keys:
            keys.setEnabled(view is self.repository)
        if self.isVisible():
            focus_target_in(view).setFocus(Qt.FocusReason.OtherFocusReason)

    def _search_quantized(self, repository: str) -> None:
        self._opened = []
        self.repository.stop()
        self._show(self.search)
        self.search.search(HubSearch(quantized_from=repository))

    def _on_finished(self, repository: str) -> None:
        task = self._getting.task_of(repository)
        if task is not None and task.paths:
            self._ready = task.paths[0]
            words = tr("{name} is ready.", name=repository)
            self.notice.show_notice("info", words, [("chat", tr("Chat"))])

    def _chat(self, path: str) -> None:
        self.notice.hide()
        listed = self._models.model_at(path)
        self.chat_requested.emit(path, listed.title if listed else Path(path).stem)
