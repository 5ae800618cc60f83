"""Main window with the rail, one page at a time, and the status line."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from PySide6.QtCore import Qt
from PySide6.QtGui import (
    QCloseEvent,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDropEvent,
    QKeySequence,
    QResizeEvent,
    QShortcut,
)
from PySide6.QtWidgets import (
    QApplication,
    QHBoxLayout,
    QMainWindow,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.core.language import tr
from app.gui.children.child import stop_children
from app.gui.children.task import Task
from app.gui.pages.chat.page import ChatPage
from app.gui.services.workbench import Workbench
from app.gui.shell.dropped import use_in_words
from app.gui.shell.opener import Opener
from app.gui.shell.quit_handler import QuitHandler
from app.gui.shell.rail import Rail
from app.gui.shell.run_results import RunResults
from app.gui.shell.status_line import StatusLine
from app.gui.shell.window_state import WindowState
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SIZE
from app.gui.widgets.drop_hint import DropHint
from app.gui.widgets.focus_guide import focus_target_in
from app.gui.widgets.notice_bar import NoticeBar
from app.gui.widgets.notice_list import NoticeList
from app.gui.widgets.toast_stack import ToastStack

if TYPE_CHECKING:
    from app.gui.load_options.dialog import LoadOptionsDialog
    from app.gui.pages.convert.page import ConvertPage
    from app.gui.pages.hub.page import HubBrowsingPage
    from app.gui.pages.measure.page import MeasurePage
    from app.gui.pages.models.inspector.page import InspectorPage
    from app.gui.pages.models.page import ModelsPage
    from app.gui.pages.settings.page import SettingsPage

PageName = Literal["chat", "models", "hub", "convert", "measure", "settings"]
PAGES: tuple[PageName, ...] = get_args(PageName)


class MainWindow(QMainWindow):
    """Assembles the pages and passes requests between them.

    All pages but the chat are created on first use, so that the window opens quickly.
    """

    def __init__(self, workbench: Workbench) -> None:
        super().__init__()
        self._workbench = workbench
        self._state = WindowState()
        self.setWindowTitle("Gristmill")
        self.setAcceptDrops(True)
        self.chat = ChatPage(workbench)
        self.rail = Rail(workbench.theme, workbench.tasks)
        self._warned: list[str] = []
        self.status = StatusLine(workbench.engine, workbench.settings)
        self._quit_handler = QuitHandler(workbench, self.chat.session, self)
        self._stack = self.notice_area = QStackedWidget()
        self.notice = NoticeBar(workbench.theme, parent=self)
        self.warnings = NoticeList(workbench.theme, can_mute=True, parent=self)
        self.drop_hint = DropHint(self)
        self.opener = Opener(workbench.settings, self)
        self._results = RunResults(workbench.theme, self)
        self._results.chat_requested.connect(self.start_chat)
        self._results.models_requested.connect(lambda: self.show_page("models"))
        self._results.measurements_requested.connect(lambda: self.show_page("measure"))
        self._build_layout()
        self._connect()
        self._add_shortcuts()
        self._state.restore_geometry(self)
        self.show_page("chat")
        self._tell_results()

    @property
    def safe_control(self) -> QWidget:
        """Where the focus goes when a notice is gone."""
        return focus_target_in(self._stack.currentWidget())

    @property
    def theme(self) -> Theme:
        """The theme."""
        return self._workbench.theme

    @cached_property
    def models(self) -> ModelsPage:
        """The models page."""
        from app.gui.pages.models.page import ModelsPage

        page = ModelsPage(self._workbench)
        page.chat_requested.connect(self.start_chat)
        page.convert_requested.connect(self._start_conversion)
        page.options_requested.connect(self.show_options)
        page.inspection_requested.connect(self.inspect)
        page.sign_in_requested.connect(self._show_sign_in)
        page.search_requested.connect(lambda: self._go_to("hub"))
        self._stack.addWidget(page)
        return page

    @cached_property
    def hub(self) -> HubBrowsingPage:
        """The Hub page."""
        from app.gui.pages.hub.page import HubBrowsingPage

        page = HubBrowsingPage(self._workbench)
        page.chat_requested.connect(self.start_chat)
        page.sign_in_requested.connect(self._show_sign_in)
        self._stack.addWidget(page)
        return page

    @cached_property
    def inspector(self) -> InspectorPage:
        """The page of one model."""
        from app.gui.pages.models.inspector.page import InspectorPage

        page = InspectorPage(self._workbench)
        page.closed.connect(lambda: self._go_to("models"))
        page.chat_requested.connect(self.start_chat)
        page.convert_requested.connect(self._start_conversion)
        page.types_requested.connect(self._use_types)
        page.measure_requested.connect(self._show_measurements)
        page.sign_in_requested.connect(self._show_sign_in)
        self._stack.addWidget(page)
        return page

    @cached_property
    def convert(self) -> ConvertPage:
        """The convert page."""
        from app.gui.pages.convert.page import ConvertPage

        page = ConvertPage(self._workbench)
        page.chat_requested.connect(self.start_chat)
        page.run_ended.connect(self._results.tell)
        page.gguf_found.connect(self._download)
        self._stack.addWidget(page)
        return page

    @cached_property
    def measure(self) -> MeasurePage:
        """The measure page."""
        from app.gui.pages.measure.page import MeasurePage

        page = MeasurePage(self._workbench)
        page.models_requested.connect(lambda: self._go_to("models"))
        page.run_ended.connect(self._results.tell_measurements)
        self._stack.addWidget(page)
        return page

    @cached_property
    def settings(self) -> SettingsPage:
        """The settings page."""
        from app.gui.pages.settings.page import SettingsPage

        page = SettingsPage(self._workbench)
        self._stack.addWidget(page)
        return page

    @cached_property
    def load_options(self) -> LoadOptionsDialog:
        """The dialog for the load options of one model."""
        from app.gui.load_options.dialog import LoadOptionsDialog

        dialog = LoadOptionsDialog(self._workbench, self)
        dialog.accepted.connect(self._on_options_saved)
        return dialog

    def _on_options_saved(self) -> None:
        if self.chat.isVisible():
            self.chat.focus_composer()

    def warn(self, sentence: str) -> None:
        """Show a notice about the whole program."""
        self._warned.append(sentence)
        self._show_warnings()

    def show_options(self, path: str, name: str) -> None:
        """Show the load options of a model."""
        self.load_options.open_for(path, name)

    def show_page(self, name: PageName) -> None:
        """Open a page."""
        self.rail.show_page(name)
        page: QWidget = getattr(self, name)
        self._stack.setCurrentWidget(page)
        if name == "convert":
            self.convert.refresh()

    def inspect(self, path: str, name: str) -> None:
        """Open the page of a model."""
        self.rail.show_page("models")
        self._stack.setCurrentWidget(self.inspector)
        self.inspector.open_for(path, name)
        self.inspector.setFocus(Qt.FocusReason.OtherFocusReason)

    def start_chat(self, path: str, name: str) -> None:
        """Load a model and open a new chat."""
        self._workbench.engine.load(path, name)
        self.show_page("chat")
        self.chat.start_new()

    def open_from_later_start(self, opened: list[str]) -> None:
        """Come to the front and open the paths and links of a later start."""
        self._quit_handler.stay()
        self._tell_results()
        self.setWindowState(self.windowState() & ~Qt.WindowState.WindowMinimized)
        self.show()
        self.raise_()
        self.activateWindow()
        for text in opened:
            self.opener.open_text(text)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fold the rail where the pages need its room."""
        super().resizeEvent(event)
        self.rail.set_folded(is_folded=self.width() < SIZE.unfolded_window)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Accept files and folders, and say what a drop would do."""
        if event.mimeData().hasUrls():
            event.acceptProposedAction()
            self.drop_hint.show_words(use_in_words(_local_paths(event)))

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        """Hide the hint."""
        super().dragLeaveEvent(event)
        self.drop_hint.hide()

    def dropEvent(self, event: QDropEvent) -> None:
        """Open the dropped files and folders."""
        self.drop_hint.hide()
        for path in _local_paths(event):
            self.opener.open_path(path)
        event.acceptProposedAction()

    def quit(self) -> None:
        """Close the window, but ask first if work is running."""
        if not self._quit_handler.ask():
            self.close()

    def close_now(self) -> None:
        """Stop all work and quit, even if the window is hidden."""
        self.close()
        QApplication.quit()

    def close_files(self) -> None:
        """Close the chats, so that their file has all of them; only after the last event."""
        self._workbench.chats.close()

    def closeEvent(self, event: QCloseEvent) -> None:
        """When the user closes the window, ask first, and stop every child before it closes.

        The program and the session close it without a question.
        """
        if event.spontaneous() and self._quit_handler.ask():
            event.ignore()
            return
        self._state.save_geometry(self)
        self.chat.finish()
        bench = self._workbench
        bench.models.watch.stop()
        bench.downloads.close()
        bench.tasks.cancel_waiting()
        stop_children(self, bench.tasks, bench.models, bench.hub, bench.endpoints, bench.engine)
        super().closeEvent(event)

    def _build_layout(self) -> None:
        words = (tr("Chat"), tr("Models"), tr("Hub"), tr("Convert"), tr("Measure"), tr("Settings"))
        for name, word in zip(PAGES, words, strict=True):
            self.rail.add_page(name, word, name)
        self._stack.addWidget(self.chat)
        upper = QHBoxLayout()
        upper.setSpacing(0)
        upper.addWidget(self.rail)
        upper.addWidget(self._stack, 1)
        whole = QWidget()
        column = QVBoxLayout(whole)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(upper, 1)
        column.addWidget(self.status)
        self.setCentralWidget(whole)

    def _connect(self) -> None:
        self.rail.chosen.connect(self.show_page)
        self.chat.models_requested.connect(lambda: self._go_to("hub"))
        self.chat.picker.options_requested.connect(self.show_options)
        self.chat.replied.connect(self.status.show_speed)
        self.warnings.muted.connect(self._state.mute)
        self._workbench.engine.noticed.connect(self._show_warnings)
        self._workbench.engine.changed.connect(self._show_warnings)
        self._workbench.models.noticed.connect(self.warn)
        self._workbench.downloads.failed.connect(self._on_download_failed)
        self._workbench.tasks.ended.connect(self._on_task_ended)
        self.opener.repository_requested.connect(self._show_repository)
        self.opener.conversion_requested.connect(self._start_conversion)
        self.opener.models_requested.connect(lambda: self.show_page("models"))
        self.opener.chat_requested.connect(self.start_chat)
        self.opener.refused.connect(lambda words: self.notice.show_notice("warning", words))
        self._quit_handler.ended.connect(self.close_now)
        self._quit_handler.returned.connect(lambda: self.open_from_later_start([]))
        self._quit_handler.happened.connect(self._state.keep_result)

    def _on_download_failed(self, sentence: str) -> None:
        self.notice.show_notice("error", sentence)

    def _on_task_ended(self, task: Task) -> None:
        """Show the results of tasks that have no page of their own."""
        if task.kind == "publish":
            self._results.tell_publication(task)
        if task.kind != "probe":
            return
        if task.state == "failed":
            self.notice.show_notice("error", task.sentence)
        for sentence in task.notices:
            self.warn(sentence)

    def _tell_results(self) -> None:
        """Report the tasks that ended while there was no window."""
        self._results.tell_lines(self._state.take_results())

    def _show_warnings(self) -> None:
        muted = self._state.muted
        sentences = [*self._warned, *self._workbench.engine.notices]
        self.warnings.show_sentences([one for one in sentences if one not in muted])

    def _download(self, repository: str) -> None:
        self.show_page("models")
        self.models.getting.ask_for(repository)

    def _start_conversion(self, source: str) -> None:
        self.show_page("convert")
        self.convert.start_with(source)

    def _use_types(self, path: str) -> None:
        self.show_page("convert")
        self.convert.use_types_of(path)

    def _show_measurements(self, path: str) -> None:
        self._go_to("measure")
        self.measure.show_model(path)

    def _show_repository(self, repository: str, revision: str | None) -> None:
        self._go_to("hub")
        self.hub.open_repository(repository, revision)

    def _show_sign_in(self) -> None:
        self.show_page("settings")
        self.settings.show_access()

    def _add_shortcuts(self) -> None:
        for index, name in enumerate(PAGES):
            self._add_shortcut(f"Ctrl+{index + 1}", lambda name=name: self._go_to(name))
        self._add_shortcut("Ctrl+,", lambda: self._go_to("settings"))
        self._add_shortcut("Ctrl+N", self._new_chat)
        self._add_shortcut("F6", self._go_to_notices)
        self._add_shortcut("Ctrl+Q", self.quit)

    def _add_shortcut(self, keys: str, act: object) -> None:
        QShortcut(QKeySequence(keys), self).activated.connect(act)

    def _go_to(self, name: PageName) -> None:
        """Open a page with the focus in it."""
        self.show_page(name)
        page: QWidget = getattr(self, name)
        focus_target_in(page).setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _go_to_notices(self) -> None:
        """Move the focus to the newest notice, or from the notices back to the page."""
        notices = ToastStack.of(self)
        focus = QApplication.focusWidget()
        is_there = focus is not None and notices.isAncestorOf(focus)
        if is_there or not notices.focus_newest():
            self.safe_control.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _new_chat(self) -> None:
        self.show_page("chat")
        self.chat.start_new()


def _local_paths(event: QDropEvent) -> list[Path]:
    return [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
