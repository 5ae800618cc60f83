"""Models that are fetched from the Hub with one button, each by one task."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QObject, Signal

from app.core.language import tr
from app.gui.children.task import Task
from app.gui.children.task_board import TaskBoard
from app.gui.services.download_list import DownloadList
from app.gui.services.model_list import ModelList
from app.library.unfinished_downloads import DownloadRequest

_VERB = "get"


class GetList(QObject):
    """Starts the tasks, and remembers the last one of each repository.

    Signals:
        changed: the repository whose task is another one or changed.
        finished: the repository whose files are complete.
    """

    changed = Signal(str)
    finished = Signal(str)

    def __init__(
        self,
        tasks: TaskBoard,
        downloads: DownloadList,
        models: ModelList,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._tasks = tasks
        self._downloads = downloads
        self._models = models
        self._last: dict[str, Task] = {}

    def task_of(self, repository: str) -> Task | None:
        """Return the last task of a repository, which may be over."""
        return self._last.get(repository.casefold())

    def make(
        self, repository: str, levels: Sequence[str] = (), revision: str | None = None
    ) -> None:
        """Convert a repository while it is downloaded, without levels to the one advised here."""
        chosen = [word for level in levels for word in ("--level", level)]
        chosen += ["--revision", revision] if revision else []
        title = tr("{name} → {made}", name=repository, made=", ".join(levels) or "GGUF")
        # It uses all cores, as other conversions do.
        task = self._tasks.add("convert", title, _VERB, repository, *chosen)
        task.ended.connect(self._models.refresh)
        self._follow(repository, task)

    def download(self, requests: Sequence[DownloadRequest]) -> None:
        """Download files of one repository; the first one is followed."""
        after: Task | None = None
        for request in requests:
            task = self._downloads.start(request, after=after)
            if after is None:
                self._follow(request.repository, task)
            after = task

    def _follow(self, repository: str, task: Task) -> None:
        self._last[repository.casefold()] = task
        task.changed.connect(lambda: self.changed.emit(repository))
        task.ended.connect(lambda: self._on_ended(repository, task))
        self.changed.emit(repository)

    def _on_ended(self, repository: str, task: Task) -> None:
        if task.state == "finished" and task.paths:
            self.finished.emit(repository)
