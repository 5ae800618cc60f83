"""Report the results of work that nobody watched."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QWidget

from app.core.language import tr
from app.core.sentences import describe_published
from app.gui.theme.theme import Theme
from app.gui.widgets.notice_bar import NoticeBar
from app.gui.widgets.text_dialog import TextDialog
from app.gui.widgets.toast import NoticeKind

if TYPE_CHECKING:
    from app.core.publish_events import PublishAdvanced
    from app.gui.children.task import Task
    from app.gui.pages.convert.conversion_run import ConversionRun


class RunResults(QObject):
    """Shows a notice over any page, one for each result.

    Signals:
        chat_requested: the path and the name of a finished model.
        models_requested: the user wants to see the new models.
        measurements_requested: the user wants to see the results of measurements.
    """

    chat_requested = Signal(str, str)
    models_requested = Signal()
    measurements_requested = Signal()

    def __init__(self, theme: Theme, window: QWidget) -> None:
        super().__init__(window)
        self._theme = theme
        self._window = window

    def tell(self, run: ConversionRun) -> None:
        """Report the result of a conversion that was not canceled, unless the window is closed."""
        if not self._window.isVisible():
            return
        failed = next((task for task, _ in run.tasks if task.state == "failed"), None)
        if failed is not None:
            self._tell_failure(run, failed)
        elif all(task.state == "finished" for task, _ in run.tasks):
            self._tell_success(run)

    def tell_publication(self, task: Task) -> None:
        """Report how a publication ended, and what is on the Hub; unless the window is closed."""
        if not self._window.isVisible():
            return
        there = task.published
        if task.state == "finished":
            address = task.paths[0]
            words = tr("The model is published at {address}.", address=address)
            self._show_with_page("info", words, address)
        elif task.state == "failed":
            words = f"{task.title}: {task.sentence}"
            if there is None:
                self._show("error", words, [])
            else:
                self._show_with_page("error", f"{words} {_on_hub(there)}", there.address)
        elif there is not None:
            stopped = "" if there.is_complete else tr("Stopped.")
            self._show_with_page("info", f"{stopped} {_on_hub(there)}".strip(), there.address)

    def tell_measurements(self, name: str, tasks: Sequence[Task]) -> None:
        """Report how measurements of a model ended, unless all were stopped."""
        done = sum(task.state == "finished" for task in tasks)
        failed = [task for task in tasks if task.state == "failed"]
        if not self._window.isVisible() or not (done or failed):
            return
        words = tr("{name}: {done} of {count} measured.", name=name, done=done, count=len(tasks))
        kind: NoticeKind = "error" if failed else "info"
        notice = self._show(kind, words, [("results", tr("Show results"))])
        notice.acted.connect(self.measurements_requested)

    def tell_lines(self, lines: Sequence[str]) -> None:
        """Report the tasks that ended while there was no window."""
        if lines:
            words = "\n".join([tr("While the window was closed:"), *lines])
            notice = self._show("info", words, [("models", tr("Show models"))])
            notice.acted.connect(self.models_requested)

    def _tell_success(self, run: ConversionRun) -> None:
        levels = ", ".join(run.levels)
        words = tr("{name} is converted to {levels}.", name=run.name, levels=levels)
        path = run.favorite_model()
        actions = [("chat", tr("Chat"))] if path else []
        notice = self._show("info", words, actions)
        notice.acted.connect(lambda _: self.chat_requested.emit(path, Path(path).stem))

    def _tell_failure(self, run: ConversionRun, failed: Task) -> None:
        words = tr("{name} wasn't converted. {reason}", name=run.name, reason=failed.sentence)
        log = failed.log_text()
        notice = self._show("error", words, [("log", tr("Show log"))] if log else [])
        notice.acted.connect(
            lambda _: TextDialog(self._theme, failed.title, log, self._window, at_end=True).open()
        )

    def _show_with_page(self, kind: NoticeKind, words: str, address: str) -> None:
        notice = self._show(kind, words, [("page", tr("Open its page"))])
        notice.acted.connect(lambda _: QDesktopServices.openUrl(QUrl(address)))

    def _show(self, kind: NoticeKind, words: str, actions: list[tuple[str, str]]) -> NoticeBar:
        notice = NoticeBar(self._theme, parent=self._window)
        notice.show_notice(kind, words, actions)
        notice.acted.connect(notice.hide)
        for end in (notice.acted, notice.dismissed):
            end.connect(notice.deleteLater)
        return notice


def _on_hub(there: PublishAdvanced) -> str:
    """Say what is on the Hub of a publication that ended early, and the next step."""
    words = describe_published(there)
    return words if there.is_complete else f"{words} {tr('Publish again to go on.')}"
