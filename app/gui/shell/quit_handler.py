"""Quit the program while work is running: ask first, then stop, or finish without a window."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QApplication, QWidget

from app.core.language import tr
from app.gui.children.child import Child
from app.gui.children.task import Task
from app.gui.pages.chat.chat_session import ChatSession
from app.gui.services.engine import EngineIdle, EngineLoading, EngineReady
from app.gui.services.workbench import Workbench
from app.gui.shell.quit_dialog import QuitDialog
from app.gui.shell.tray_icon import TrayIcon

_LOOK_MILLISECONDS = 500


class QuitHandler(QObject):
    """Decides what becomes of running work when the user closes the window.

    Signals:
        ended: nothing runs any more, or the user wants it to stop.
        returned: the user wants the hidden window back.
        happened: a line about a task that ended while the window was hidden.
    """

    ended = Signal()
    happened = Signal(str)
    returned = Signal()

    def __init__(self, workbench: Workbench, session: ChatSession, window: QWidget) -> None:
        super().__init__(window)
        self._workbench = workbench
        self._session = session
        self._window = window
        self._failed: list[str] = []
        self._tray = TrayIcon(self)
        self._look = QTimer(self, interval=_LOOK_MILLISECONDS)
        self._quit_timer = QTimer(self, singleShot=True)
        self._look.timeout.connect(self._go_on)
        self._quit_timer.timeout.connect(self.ended)
        self._tray.opened.connect(self.returned)
        self._tray.stopped.connect(self.ended)
        workbench.tasks.ended.connect(self._on_task_ended)

    def work(self) -> list[str]:
        """Return a line for each task and reply that would be lost."""
        # The engine's test runs again at the next start.
        tasks = [task for task in self._workbench.tasks.open_tasks if task.kind != "probe"]
        replying = self._session.replying
        chats = self._workbench.chats.chats() if replying else []
        replies = [tr("Reply: {title}", title=c.title) for c in chats if c.id in replying]
        return [*map(_in_words, tasks), *replies]

    def ask(self) -> bool:
        """Ask what becomes of the running work; return False if nothing is running."""
        work = self.work()
        if not work:
            return False
        dialog = QuitDialog(self._workbench.theme, work, self._consequences(), self._window)
        dialog.kept.connect(self._hide)
        dialog.stopped.connect(self.ended)
        dialog.open()
        return True

    def _consequences(self) -> str:
        """Describe the consequences of going on and of stopping."""
        if isinstance(self._workbench.engine.state, EngineLoading | EngineReady):
            background = tr(
                "In the background, Gristmill finishes this work, unloads the model and quits."
            )
        else:
            background = tr("In the background, Gristmill finishes this work and quits.")
        kinds = {task.kind for task in self._workbench.tasks.open_tasks}
        words = [background]
        if not kinds.isdisjoint({"download", "get"}):
            words.append(
                tr("A download that you stop resumes at the next start.")
                if self._workbench.settings.value.resumes_downloads
                else tr("A download that you stop can be resumed later.")
            )
        if "convert" in kinds:
            words.append(tr("A conversion that you stop starts over."))
        if self._session.replying:
            words.append(tr("A reply that you stop ends where it is."))
        return " ".join(words)

    def stay(self) -> None:
        """Keep the program open after all: the window is shown again."""
        self._look.stop()
        self._quit_timer.stop()
        self._tray.hide()
        QApplication.setQuitOnLastWindowClosed(True)

    def _hide(self) -> None:
        self._failed = []
        QApplication.setQuitOnLastWindowClosed(False)
        self._window.hide()
        self._tray.show()
        self._look.start()

    def _go_on(self) -> None:
        """Unload the model that nobody uses, and end when nothing is left to do."""
        engine = self._workbench.engine
        if not self._session.replying and not isinstance(engine.state, EngineIdle):
            engine.unload()
        # A page may be preparing the next task, as between a download and a conversion.
        is_preparing = any(child.is_running for child in self._window.findChildren(Child))
        if not self.work() and not is_preparing:
            self._look.stop()
            self._quit_timer.start(self._tray.notify_ended(self._failed))

    def _on_task_ended(self, task: Task) -> None:
        if task.state == "failed":
            self._failed.append(f"{task.title}: {task.sentence}")
        if not self._look.isActive() or task.kind == "probe":
            return
        if task.state == "finished":
            self.happened.emit(tr("Finished: {title}", title=task.title))
        elif task.state == "failed":
            words = tr("Failed: {title}. {reason}", title=task.title, reason=task.sentence)
            self.happened.emit(words)


def _in_words(task: Task) -> str:
    match task.kind:
        case "download" | "get":
            return tr("Download: {title}", title=task.title)
        case "convert":
            return tr("Conversion: {title}", title=task.title)
        case "verify":
            return tr("Verification: {title}", title=task.title)
        case "measure":
            return tr("Measurement: {title}", title=task.title)
    return task.title
