"""Downloads that run, wait or were interrupted: the state behind their rows, without widgets."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from PySide6.QtCore import QObject, QTimer, Signal

from app.core.events import DownloadListed
from app.core.pace import Pace
from app.core.sentences import describe_error
from app.gui.children.task import Task
from app.gui.children.task_board import TaskBoard
from app.gui.services.download_arguments import (
    VERB,
    download_arguments,
    requested_by,
    requested_in,
)
from app.gui.services.model_list import ModelList
from app.library.removal import RemovalPlan, plan_discard
from app.library.unfinished_downloads import DownloadRequest, unfinished_in

_LOOK_AGAIN_MILLISECONDS = 3000
DownloadState = Literal["waiting", "running", "stopping", "paused", "canceled", "failed", "foreign"]
"""The last one is a download of another process."""
DownloadKey = tuple[str, str]


@dataclass(frozen=True)
class Download:
    """A download; `sentence` says why it failed, or why it is held up.

    One that is not at work has the `folder` with what it has fetched.
    """

    request: DownloadRequest
    state: DownloadState
    done_bytes: int = 0
    total_bytes: int = 0
    pace: Pace | None = None
    sentence: str = ""
    folder: str = ""

    @property
    def key(self) -> DownloadKey:
        """Identifies the download while its state changes."""
        return _key_of(self.request)

    @property
    def name(self) -> str:
        """The repository, with the chosen file or level if there is one."""
        return _name_of(self.request)


class DownloadList(QObject):
    """Starts, stops and resumes downloads; combines the window's tasks with what is on the disk.

    Signals:
        changed: `downloads` has new ones, fewer, or new states or figures.
    """

    changed = Signal()

    def __init__(self, tasks: TaskBoard, models: ModelList, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._tasks = tasks
        self._models = models
        self._order: dict[DownloadKey, DownloadRequest] = {}
        self._open: dict[DownloadKey, Task] = {}
        self._ended: dict[DownloadKey, Task] = {}
        self._listed: dict[DownloadKey, DownloadListed] = {}
        self._paused: set[DownloadKey] = set()
        self._outcomes: dict[DownloadKey, tuple[DownloadState, str]] = {}
        self._look_again = QTimer(self, singleShot=True, interval=_LOOK_AGAIN_MILLISECONDS)
        self._look_again.timeout.connect(models.refresh)
        tasks.added.connect(self._on_added)
        tasks.ended.connect(self._on_ended)
        models.changed.connect(self._on_listed)

    @property
    def downloads(self) -> tuple[Download, ...]:
        """All downloads; each keeps its place until it is finished or discarded."""
        found = (self._download(key, request) for key, request in self._order.items())
        return tuple(download for download in found if download is not None)

    def start(self, request: DownloadRequest, *, after: Task | None = None) -> Task:
        """Start a download, or resume it; return the task, which may be running already.

        Downloads to the same folder must come one `after` the other.
        """
        open_task = self._open.get(_key_of(request))
        if open_task is not None:
            return open_task
        self._order.setdefault(_key_of(request), request)
        arguments = download_arguments(request)
        return self._tasks.add(VERB, _name_of(request), *arguments, after=after)

    def pause(self, download: Download) -> None:
        """Stop a download, and keep what it has fetched."""
        self._paused.add(download.key)
        self.cancel(download)

    def cancel(self, download: Download) -> None:
        """Stop a download, or take it out of the queue; what it has fetched is kept, too."""
        if download.key in self._open:
            self._open[download.key].cancel()

    def plan_discard(self, download: Download) -> RemovalPlan | None:
        """Return the plan to delete what a download has fetched; None if there is nothing."""
        for found in unfinished_in(Path(download.folder)) if download.folder else ():
            if _key_of(found.note.request) == download.key:
                return plan_discard(found)
        return None

    def discard(self, plan: RemovalPlan) -> None:
        """Delete what a download has fetched.

        Raises:
            AppError: `download_busy`, `folder_not_writable`.
        """
        try:
            plan.execute()
        finally:
            self._models.refresh()

    def keeps(self, task: Task) -> bool:
        """Return whether a download that ended unfinished can be resumed from the list."""
        request = requested_by(task)
        return request is not None and self._is_kept(_key_of(request), task)

    def _is_kept(self, key: DownloadKey, task: Task) -> bool:
        return key in self._listed or bool(task.progress and task.progress.done_bytes)

    def _on_added(self, task: Task) -> None:
        request = requested_by(task)
        if request is None:
            return
        key = _key_of(request)
        if task.title == task.arguments[1]:
            # It may be the address of a page; rows of the task are made after this.
            task.title = request.repository
        self._order.setdefault(key, request)
        self._open[key] = task
        self._ended.pop(key, None)
        self._outcomes.pop(key, None)
        self._paused.discard(key)
        task.changed.connect(self.changed)
        # Most tasks start at once: they would only seem to wait, and their row lose the focus.
        QTimer.singleShot(0, self, self.changed.emit)

    def _on_ended(self, task: Task) -> None:
        key = next((key for key, one in self._open.items() if one is task), None)
        if key is None:
            return
        del self._open[key]
        self._ended[key] = task
        if task.state == "failed":
            self._outcomes[key] = ("failed", task.sentence)
        elif task.state == "canceled":
            self._outcomes[key] = ("paused" if key in self._paused else "canceled", "")
        self._models.refresh()
        self.changed.emit()

    def _on_listed(self) -> None:
        self._listed = {_key_of(requested_in(one)): one for one in self._models.downloads}
        for key, listed in self._listed.items():
            self._order.setdefault(key, requested_in(listed))
        if not self._models.is_outdated:
            # From here on the disk tells the truth about them.
            self._ended.clear()
        known = self._open.keys() | self._ended.keys() | self._listed.keys()
        self._order = {key: request for key, request in self._order.items() if key in known}
        if any(listed.is_running for key, listed in self._listed.items() if key not in self._open):
            # Other processes don't tell when they are done.
            self._look_again.start()
        self.changed.emit()

    def _download(self, key: DownloadKey, request: DownloadRequest) -> Download | None:
        if key in self._open:
            return self._at_work(self._open[key], request)
        if key in self._ended:
            task = self._ended[key]
            is_gone = task.state == "finished" or not self._is_kept(key, task)
            return None if is_gone else self._at_work(task, request)
        return self._left(self._listed[key], request) if key in self._listed else None

    def _at_work(self, task: Task, request: DownloadRequest) -> Download:
        """Return the state of a task, which counts as stopping until the disk tells its outcome."""
        state: DownloadState = "waiting" if task.state == "waiting" else "running"
        if task.is_stopping or task.is_over:
            state = "stopping"
        listed = self._listed.get(_key_of(request))
        if task.progress is not None:
            shares = task.progress.done_bytes, task.progress.total_bytes
        else:
            shares = (listed.done_bytes, listed.total_bytes) if listed else (0, 0)
        pace = task.pace if task.progress else None
        return Download(request, state, *shares, pace, task.sentence)

    def _left(self, listed: DownloadListed, request: DownloadRequest) -> Download:
        """Return the state of what is on the disk."""
        state, sentence = self._outcomes.get(_key_of(request), ("paused", ""))
        if listed.is_running:
            state, sentence = "foreign", ""
        elif state == "paused" and listed.problem is not None:
            state, sentence = "failed", describe_error(listed.problem, listed.details)
        shares = listed.done_bytes, listed.total_bytes
        return Download(request, state, *shares, sentence=sentence, folder=listed.path)


def _name_of(request: DownloadRequest) -> str:
    return f"{request.repository} · {request.pattern}" if request.pattern else request.repository


def _key_of(request: DownloadRequest) -> DownloadKey:
    return request.repository.casefold(), request.pattern or ""
