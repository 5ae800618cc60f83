"""Models that are fetched from the Hub with one button, each by one task."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QObject, Signal

from app.core.errors import AppError
from app.core.sentences import describe_error
from app.gui.children.task import Task
from app.gui.services.download_list import DownloadList
from app.library.unfinished_downloads import DownloadRequest


class GetList(QObject):
    """Starts the tasks, and remembers the last one of each repository.

    Signals:
        changed: the repository whose task was replaced or changed.
        finished: the repository whose files are complete.
    """

    changed = Signal(str)
    finished = Signal(str)

    def __init__(
        self,
        downloads: DownloadList,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._downloads = downloads
        self._last: dict[str, Task] = {}

    def task_of(self, repository: str) -> Task | None:
        """Return the last task of a repository, which may be over."""
        return self._last.get(repository.casefold())

    def make(
        self, repository: str, levels: Sequence[str] = (), revision: str | None = None
    ) -> None:
        """Convert a repository while it downloads; without levels, to the recommended one."""
        self.download([DownloadRequest(repository, revision, kind="get", levels=tuple(levels))])

    def download(self, requests: Sequence[DownloadRequest]) -> None:
        """Start downloads of one repository; the first one is followed."""
        try:
            first, *_ = [self._downloads.start(request) for request in requests]
        except AppError as error:
            self._downloads.failed.emit(describe_error(error.code, error.details))
        else:
            self._follow(requests[0].repository, first)

    def _follow(self, repository: str, task: Task) -> None:
        self._last[repository.casefold()] = task
        task.changed.connect(lambda: self.changed.emit(repository))
        task.ended.connect(lambda: self._on_ended(repository, task))
        self.changed.emit(repository)

    def _on_ended(self, repository: str, task: Task) -> None:
        if task.state == "finished" and task.paths:
            self.finished.emit(repository)
