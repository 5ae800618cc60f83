"""Main window with the rail, one page at a time, and the status line."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from PySide6.QtCore import QByteArray, QSettings, QSize, Qt
from PySide6.QtGui import (
    QCloseEvent,
    QDragEnterEvent,
    QDropEvent,
    QKeySequence,
    QShortcut,
)
from PySide6.QtWidgets import QHBoxLayout, QMainWindow, QStackedWidget, QVBoxLayout, QWidget

from app.checkpoint.folder_kind import is_adapter
from app.core import paths
from app.core.language import tr
from app.gguf_file.detection import is_gguf_file
from app.gui.children.child import stop_children
from app.gui.children.task import Task
from app.gui.pages.chat.page import ChatPage
from app.gui.services.workbench import Workbench
from app.gui.shell.jobs_tray import JobsTray
from app.gui.shell.rail import Rail
from app.gui.shell.status_line import StatusLine
from app.gui.theme.theme import Theme
from app.gui.widgets.focus_guide import place_in
from app.gui.widgets.notice_bar import NoticeBar
from app.gui.widgets.notice_list import NoticeList

if TYPE_CHECKING:
    from app.gui.gguf_choice.gguf_choice_dialog import GgufChoiceDialog
    from app.gui.offloading.dialog import OffloadingDialog
    from app.gui.pages.convert.page import ConvertPage
    from app.gui.pages.models.page import ModelsPage
    from app.gui.pages.settings.page import SettingsPage

PageName = Literal["chat", "models", "convert", "settings"]
PAGES: tuple[PageName, ...] = get_args(PageName)
_USUAL_SIZE = QSize(1120, 760)
_SMALLEST_SIZE = QSize(820, 560)
_GEOMETRY = "geometry"


class MainWindow(QMainWindow):
    """Assembles the pages and passes requests between them.

    All pages but the chat are created on first use, so that the window opens quickly.
    """

    def __init__(self, workbench: Workbench) -> None:
        super().__init__()
        self._workbench = workbench
        self.setWindowTitle("Gristmill")
        self.setAcceptDrops(True)
        self.chat = ChatPage(workbench)
        self.rail = Rail(workbench.theme)
        self.notice = NoticeBar(workbench.theme)
        self.warnings = NoticeList(workbench.theme)
        self._warned: list[str] = []
        self.status = StatusLine(workbench.engine, workbench.settings)
        self._stack = QStackedWidget()
        self._build_layout()
        self._connect()
        self._add_shortcuts()
        self._restore_geometry()
        self.show_page("chat")

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
        self._stack.addWidget(page)
        return page

    @cached_property
    def convert(self) -> ConvertPage:
        """The convert page."""
        from app.gui.pages.convert.page import ConvertPage

        page = ConvertPage(self._workbench)
        page.chat_requested.connect(self.start_chat)
        page.gguf_found.connect(self.show_gguf_files)
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
    def offloading(self) -> OffloadingDialog:
        """The dialog for the load options of one model."""
        from app.gui.offloading.dialog import OffloadingDialog

        return OffloadingDialog(self._workbench, self)

    @cached_property
    def gguf_choice(self) -> GgufChoiceDialog:
        """The choice among the GGUF models of a repository."""
        from app.gui.gguf_choice.gguf_choice_dialog import GgufChoiceDialog

        dialog = GgufChoiceDialog(self._workbench, self)
        dialog.started.connect(lambda _: self.show_page("models"))
        return dialog

    def warn(self, sentence: str) -> None:
        """Show a notice about the whole program."""
        self._warned.append(sentence)
        self._show_warnings()

    def show_options(self, path: str, name: str) -> None:
        """Show the load options of a model."""
        self.offloading.open_for(path, name)

    def show_gguf_files(self, repository: str, otherwise: Callable[[], None] | None = None) -> None:
        """Ask which GGUF models of a repository to download; `otherwise` is for other ones."""
        self.gguf_choice.open_for(repository, otherwise)

    def show_page(self, name: PageName) -> None:
        """Open a page."""
        self.rail.show_page(name)
        page: QWidget = getattr(self, name)
        self._stack.setCurrentWidget(page)
        if name == "convert":
            self.convert.refresh()

    def start_chat(self, path: str, name: str) -> None:
        """Load a model and open the chat."""
        self._workbench.engine.load(path, name)
        self.show_page("chat")
        self.chat.focus_composer()

    def open_again(self, opened: list[Path]) -> None:
        """Come to the front and open the files of a later start."""
        self.setWindowState(self.windowState() & ~Qt.WindowState.WindowMinimized)
        self.show()
        self.raise_()
        self.activateWindow()
        for path in opened:
            self.open_path(path)

    def open_path(self, path: Path) -> None:
        """Open a file or folder that was dropped or given at startup."""
        if path.is_dir() and ((path / "config.json").is_file() or is_adapter(path)):
            self._start_conversion(str(path))
            return
        settings = self._workbench.settings
        if path.is_dir() or is_gguf_file(path):
            added = dict.fromkeys((*settings.value.added_models, str(path)))
            settings.change(added_models=tuple(added))
            self.show_page("models")
            if path.is_file():
                self.start_chat(str(path), path.stem)
            return
        words = tr("{name} is neither a GGUF file nor a folder.", name=path.name)
        self.notice.show_notice("warning", words)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Accept files and folders."""
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Open the dropped files and folders."""
        for url in event.mimeData().urls():
            if url.isLocalFile():
                self.open_path(Path(url.toLocalFile()))
        event.acceptProposedAction()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Stop every child before the window closes."""
        _window_memory().setValue(_GEOMETRY, self.saveGeometry())
        self.chat.finish()
        self._workbench.tasks.cancel_waiting()
        bench = self._workbench
        stop_children(self, bench.tasks, bench.models, bench.endpoints, bench.engine)
        super().closeEvent(event)

    def _build_layout(self) -> None:
        words = (tr("Chat"), tr("Models"), tr("Convert"), tr("Settings"))
        for name, word in zip(PAGES, words, strict=True):
            self.rail.add_page(name, word, name)
        self._stack.addWidget(self.chat)
        self.rail.add_foot(JobsTray(self._workbench.theme, self._workbench.tasks))
        right = QVBoxLayout()
        right.setContentsMargins(0, 0, 0, 0)
        right.setSpacing(0)
        right.addWidget(self.notice)
        right.addWidget(self.warnings)
        right.addWidget(self._stack, 1)
        upper = QHBoxLayout()
        upper.setSpacing(0)
        upper.addWidget(self.rail)
        upper.addLayout(right, 1)
        whole = QWidget()
        column = QVBoxLayout(whole)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(upper, 1)
        column.addWidget(self.status)
        self.setCentralWidget(whole)
        self.setMinimumSize(_SMALLEST_SIZE)

    def _connect(self) -> None:
        self.rail.chosen.connect(self.show_page)
        self.chat.models_requested.connect(lambda: self.show_page("models"))
        self.chat.picker.options_requested.connect(self.show_options)
        self.chat.replied.connect(self.status.show_speed)
        self._workbench.engine.noticed.connect(self._show_warnings)
        self._workbench.engine.changed.connect(self._show_warnings)
        self._workbench.models.noticed.connect(self.warn)
        self._workbench.tasks.ended.connect(self._on_task_ended)

    def _on_task_ended(self, task: Task) -> None:
        """Show the result of the engine's test; other tasks report on their pages."""
        if task.kind != "probe":
            return
        if task.state == "failed":
            self.notice.show_notice("error", task.sentence)
        for sentence in task.notices:
            self.warn(sentence)

    def _show_warnings(self) -> None:
        self.warnings.show_sentences([*self._warned, *self._workbench.engine.notices])

    def _start_conversion(self, source: str) -> None:
        self.show_page("convert")
        self.convert.start_with(source)

    def _add_shortcuts(self) -> None:
        for index, name in enumerate(PAGES):
            self._add_shortcut(f"Ctrl+{index + 1}", lambda name=name: self._go_to(name))
        self._add_shortcut("Ctrl+,", lambda: self._go_to("settings"))
        self._add_shortcut("Ctrl+N", self._new_chat)
        self._add_shortcut("Ctrl+Q", self.close)

    def _add_shortcut(self, keys: str, act: object) -> None:
        QShortcut(QKeySequence(keys), self).activated.connect(act)

    def _go_to(self, name: PageName) -> None:
        """Open a page with the focus in it."""
        self.show_page(name)
        page: QWidget = getattr(self, name)
        place_in(page).setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _new_chat(self) -> None:
        self.show_page("chat")
        self.chat.start_new()

    def _restore_geometry(self) -> None:
        saved = _window_memory().value(_GEOMETRY)
        if not (isinstance(saved, QByteArray) and self.restoreGeometry(saved)):
            self.resize(_USUAL_SIZE)


def _window_memory() -> QSettings:
    return QSettings(str(paths.home() / "window.ini"), QSettings.Format.IniFormat)
