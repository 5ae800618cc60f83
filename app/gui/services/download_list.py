"""The download queue at work: the state behind the rows of the Models page, without widgets."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from app.core.errors import AppError
from app.core.events import DownloadListed
from app.core.language import tr
from app.core.sentences import describe_error
from app.core.settings import Settings
from app.gui.children.task import Task
from app.gui.children.task_board import TaskBoard
from app.gui.services.download_arguments import download_arguments, requested_in
from app.gui.services.download_state import Download, combined
from app.gui.services.model_list import ModelList
from app.gui.services.settings_holder import SettingsHolder
from app.library.download_queue import DownloadQueue, Move, QueuedDownload, QueueState
from app.library.removal import RemovalPlan, plan_discard, plan_stream_discard
from app.library.stream_journal import remove_untouched_streams
from app.library.unfinished_downloads import DownloadKey, DownloadRequest, unfinished_in

_LOOK_AGAIN_MILLISECONDS = 3000


class DownloadList(QObject):
    """Runs the queue; combines it with the window's tasks and with the files on the disk.

    Signals:
        changed: `downloads` has new ones, fewer, or another order, or new states or figures.
        failed: a sentence about a change that could not be stored, or files that could not be
            deleted.
    """

    changed = Signal()
    failed = Signal(str)

    def __init__(
        self,
        queue: DownloadQueue,
        tasks: TaskBoard,
        models: ModelList,
        settings: SettingsHolder,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._queue = queue
        self._tasks = tasks
        self._models = models
        self._settings = settings
        self._is_closed = False
        self._entries: dict[DownloadKey, QueuedDownload] = {}
        self._open: dict[DownloadKey, Task] = {}
        self._ended: dict[DownloadKey, Task] = {}
        self._listed: dict[DownloadKey, DownloadListed] = {}
        self._discarded: set[DownloadKey] = set()
        self._look_again = QTimer(self, singleShot=True, interval=_LOOK_AGAIN_MILLISECONDS)
        self._look_again.timeout.connect(models.refresh)
        self._load()
        self._limit(settings.value)
        settings.changed.connect(lambda _, new: self._limit(new))
        tasks.ended.connect(self._on_ended)
        models.changed.connect(self._on_listed)

    @property
    def downloads(self) -> tuple[Download, ...]:
        """All downloads: the queue in its order, then what others have left unfinished."""
        keys = dict.fromkeys((*self._entries, *self._listed))
        found = (self._download(key) for key in keys)
        return tuple(download for download in found if download is not None)

    def go_on(self) -> str:
        """Resume the downloads that the last exit interrupted; return a sentence, or ""."""
        interrupted = [one for one in self._entries.values() if one.state in ("waiting", "running")]
        keys = [one.request.key for one in interrupted]
        names = [one.request.name for one in interrupted]
        settings = self._settings.value
        if settings.local_only or not settings.resumes_downloads:
            self._mark("paused", keys)
            return _paused_in_words(names)
        self._mark("waiting", keys)
        for one in interrupted:
            self._add_task(one.request)
        return _resumed_in_words(names)

    def start(self, request: DownloadRequest) -> Task:
        """Start a download, or resume it; return the task, which may be running already.

        Raises:
            AppError: the queue can't be stored: `disk_full`, `folder_not_writable`, `file_busy`.
        """
        task = self._open.get(request.key)
        if task is not None and not task.is_stopping:
            return task
        self._queue.add(request)
        self._discarded.discard(request.key)
        self._load()
        task = self._add_task(request)
        self._arrange()
        return task

    def pause(self, downloads: Iterable[Download]) -> None:
        """Stop downloads that run or wait, and keep the fetched part."""
        keys = [download.key for download in downloads if download.can_pause]
        self._mark("paused", keys)
        for key in keys:
            self._open[key].cancel()

    def resume(self, downloads: Iterable[Download]) -> None:
        """Let paused and failed downloads go on."""
        for download in downloads:
            if download.can_resume:
                self._attempt(partial(self.start, download.request))

    def move(self, download: Download, where: Move) -> None:
        """Change the place of a download in the queue; what runs already goes on."""
        if where in download.moves:
            self._change(partial(self._queue.move, self._entries[download.key].id, where))
            self._arrange()

    def plan_discard(self, download: Download) -> RemovalPlan | None:
        """Return the plan to delete what a download has fetched; None if there is nothing."""
        listed = self._listed.get(download.key)
        if listed is None:
            return None
        key = requested_in(listed).key
        folder = Path(listed.path)
        found = (one for one in unfinished_in(folder) if one.note.request.key == key)
        return next(map(plan_discard, found), None) or plan_stream_discard(folder)

    def discard(self, download: Download) -> None:
        """Stop a download, take it out of the queue, and delete the fetched part."""
        self._discarded.add(download.key)
        self._take_out(download.key)
        if download.key in self._open:
            self._open[download.key].cancel()
        else:
            self._delete(download)

    def take_back(self, task: Task) -> bool:
        """Take a failed download out if it has fetched nothing; return whether that was so."""
        key = next((key for key, one in self._ended.items() if one is task), None)
        has_begun = bool(task.progress and task.progress.done_bytes)
        if key is None or key in self._listed or has_begun:
            return False
        self._take_out(key)
        return True

    def close(self) -> None:
        """Close the queue as it is: what waits or runs goes on at the next start."""
        self._is_closed = True
        self._queue.close()

    def _add_task(self, request: DownloadRequest) -> Task:
        task = self._tasks.add(
            request.kind,
            request.name,
            *download_arguments(request),
            folder=request.repository.casefold(),
            steps=("download",),
        )
        self._ended.pop(request.key, None)
        self._open[request.key] = task
        task.changed.connect(lambda: self._follow(request.key, task))
        self._follow(request.key, task)
        return task

    def _follow(self, key: DownloadKey, task: Task) -> None:
        entry = self._entries.get(key)
        is_running = task.state == "running" and not task.is_stopping
        if is_running and entry is not None and entry.state != "running":
            self._mark("running", [key])
        self.changed.emit()

    def _on_ended(self, task: Task) -> None:
        key = next((key for key, one in self._open.items() if one is task), None)
        if key is None or self._is_closed:
            return
        del self._open[key]
        self._ended[key] = task
        if task.state == "finished":
            self._take_out(key)
        elif task.state == "failed":
            self._mark("failed", [key], task.sentence)
        else:
            self._mark("paused", [key])
        self._models.refresh()

    def _on_listed(self) -> None:
        self._listed = {requested_in(one).key: one for one in self._models.downloads}
        if not self._models.is_outdated:
            # From here on the disk tells the truth about them.
            self._ended.clear()
            self._discarded &= self._listed.keys() | self._open.keys()
            for key in self._discarded - self._open.keys():
                self._delete(self._combined(key))
        if any(listed.is_running for key, listed in self._listed.items() if key not in self._open):
            # Other processes don't tell when they are done.
            self._look_again.start()
        self.changed.emit()

    def _delete(self, download: Download) -> None:
        """Delete the fetched part of a download; wait for the scan if that isn't known yet."""
        plan = self.plan_discard(download)
        if plan is None:
            # A `get` that was killed before it was planned is in no list.
            remove_untouched_streams()
            return
        self._discarded.discard(download.key)
        try:
            plan.execute()
        except AppError as error:
            self.failed.emit(describe_error(error.code, error.details))
        else:
            self._listed.pop(download.key, None)
        self._models.refresh()
        self.changed.emit()

    def _download(self, key: DownloadKey) -> Download | None:
        """Return a download, or None if it is over and only the next scan is missing."""
        ended = self._ended.get(key)
        is_gone = ended is not None and ended.state == "finished"
        return None if is_gone or key in self._discarded else self._combined(key)

    def _combined(self, key: DownloadKey) -> Download:
        entry, listed = self._entries.get(key), self._listed.get(key)
        request = entry.request if entry else requested_in(self._listed[key])
        task = self._open.get(key) or self._ended.get(key)
        return combined(request, entry, task, listed, self._moves(key))

    def _moves(self, key: DownloadKey) -> frozenset[Move]:
        order = list(self._entries)
        if key not in order:
            return frozenset()
        up: tuple[Move, ...] = () if key == order[0] else ("up", "top")
        down: tuple[Move, ...] = () if key == order[-1] else ("down",)
        return frozenset((*up, *down))

    def _limit(self, settings: Settings) -> None:
        self._tasks.limit_downloads(settings.parallel_downloads)

    def _arrange(self) -> None:
        """Let the tasks start in the order of the queue."""
        self._tasks.arrange([self._open[key] for key in self._entries if key in self._open])

    def _mark(self, state: QueueState, keys: Iterable[DownloadKey], reason: str = "") -> None:
        ids = [self._entries[key].id for key in keys if key in self._entries]
        self._change(lambda: self._queue.mark(state, *ids, reason=reason))

    def _take_out(self, key: DownloadKey) -> None:
        entry = self._entries.get(key)
        if entry is not None:
            self._change(lambda: self._queue.remove(entry.id))

    def _change(self, change: Callable[[], object]) -> None:
        self._attempt(change)
        self._attempt(self._load)
        self.changed.emit()

    def _load(self) -> None:
        self._entries = {entry.request.key: entry for entry in self._queue.entries()}

    def _attempt(self, change: Callable[[], object]) -> None:
        """Change the queue; if the disk fails, say so, and go on with what is known."""
        if self._is_closed:
            return
        try:
            change()
        except AppError as error:
            self.failed.emit(describe_error(error.code, error.details))


def _resumed_in_words(names: list[str]) -> str:
    match names:
        case []:
            return ""
        case [name]:
            return tr("Resuming the download of {name}.", name=name)
    return tr("Resuming {count} downloads.", count=len(names))


def _paused_in_words(names: list[str]) -> str:
    match names:
        case []:
            return ""
        case [name]:
            return tr(
                "The download of {name} was interrupted. Resume it on the Models page.", name=name
            )
    return tr(
        "{count} downloads were interrupted. Resume them on the Models page.", count=len(names)
    )
