"""Compose the window from settings, theme, engine, tasks, library, chats and pages."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType

from PySide6.QtCore import QTimer, qVersion
from PySide6.QtWidgets import QApplication

from app import __version__
from app.chat.chat_store import open_store
from app.core import leftovers, paths
from app.core.errors import AppError, ErrorCode
from app.core.events import NoticeReported
from app.core.language import tr
from app.core.sentences import describe_error, describe_notice
from app.core.settings import Theme, load_settings, save_settings
from app.gui.children.task_board import TaskBoard
from app.gui.services.download_list import DownloadList
from app.gui.services.endpoint_list import EndpointList
from app.gui.services.engine import Engine
from app.gui.services.get_list import GetList
from app.gui.services.hub_browser import HubBrowser
from app.gui.services.model_list import ModelList
from app.gui.services.settings_holder import SettingsHolder
from app.gui.services.workbench import Workbench
from app.gui.shell.early_imports import EarlyImports
from app.gui.shell.garbage import GarbageCollection
from app.gui.shell.single_instance import claim
from app.gui.shell.termination import Termination
from app.gui.shell.window import MainWindow
from app.gui.theme.style import apply_theme
from app.gui.widgets.focus_guide import FocusGuide
from app.gui.widgets.text_dialog import TextDialog
from app.jobs.outcome import EXIT_FAILED
from app.library.download_queue import open_queue


def run_window(opened: Sequence[str] = ()) -> int:
    """Open the window, run until it is closed, and return the exit status.

    If a window is open on the same data folder, it opens the paths and links instead.
    """
    if not _has_display():
        sys.stderr.write(f"gristmill: {describe_error(ErrorCode.NO_DISPLAY, {})}\n")
        return EXIT_FAILED
    application = QApplication(sys.argv[:1])
    application.setApplicationName("Gristmill")
    application.setDesktopFileName("gristmill")
    later_instances = claim(opened, application)
    if later_instances is None:
        return 0
    try:
        window = build_window(application)
    except AppError as error:
        sys.stderr.write(f"gristmill: {describe_error(error.code, error.details)}\n")
        return EXIT_FAILED
    _report_faults(window)
    GarbageCollection(application)
    EarlyImports(application)
    later_instances.received.connect(window.open_from_later_start)
    Termination(application).requested.connect(window.close_now)
    window.show()
    for text in opened:
        window.opener.open_text(text)
    status = application.exec()
    window.close_files()
    return status


def build_window(application: QApplication) -> MainWindow:
    """Build the window and its services; nothing heavy happens before it is shown.

    Raises:
        AppError: the data folder can't be used.
    """
    settings, settings_notice = load_settings()
    if settings_notice is not None:
        # Reported once, although the window's children read the same file.
        with suppress(AppError):
            save_settings(settings)
    chats, chats_notice = open_store(paths.chats_file())
    queue, queue_notice = open_queue(paths.downloads_file())
    theme = apply_theme(application, settings.theme)
    holder = SettingsHolder(settings, application)
    tasks = TaskBoard(application)
    models = ModelList(holder, application)
    downloads = DownloadList(queue, tasks, models, holder, application)
    workbench = Workbench(
        theme=theme,
        settings=holder,
        engine=Engine(holder, application),
        tasks=tasks,
        models=models,
        downloads=downloads,
        getting=GetList(downloads, application),
        hub=HubBrowser(application),
        endpoints=EndpointList(application),
        chats=chats,
    )
    holder.changed.connect(lambda _, new: _follow_theme(workbench, new.theme))
    window = MainWindow(workbench)
    workbench.hub.noticed.connect(window.warn)
    FocusGuide(application, window)
    for notice in (settings_notice, chats_notice, queue_notice):
        if isinstance(notice, NoticeReported):
            window.warn(describe_notice(notice.code, notice.details))
    QTimer.singleShot(0, window, lambda: _begin(workbench, window))
    return window


def _begin(workbench: Workbench, window: MainWindow) -> None:
    leftovers.sweep()
    if words := workbench.downloads.go_on():
        window.notice.show_notice("info", words)
    workbench.models.refresh()
    workbench.endpoints.refresh()
    if not paths.engine_file().exists():
        title = tr("Testing the engine")
        workbench.tasks.add("probe", title, "self-test", "--engine")


def _follow_theme(workbench: Workbench, choice: Theme) -> None:
    if workbench.theme.choice != choice:
        workbench.theme.choose(choice)


def _has_display() -> bool:
    if sys.platform in ("win32", "darwin") or os.environ.get("QT_QPA_PLATFORM"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _report_faults(window: MainWindow) -> None:
    """Show uncaught exceptions in a dialog, from which they can be copied."""

    def report(
        kind: type[BaseException], fault: BaseException, trace: TracebackType | None
    ) -> None:
        text = "".join(traceback.format_exception(kind, fault, trace))
        sys.stderr.write(text)
        versions = f"Gristmill {__version__}, Python {sys.version.split()[0]}, Qt {qVersion()}"
        title = tr("Something unexpected went wrong")
        TextDialog(window.theme, title, f"{versions}\n\n{text}", window).open()

    sys.excepthook = report
