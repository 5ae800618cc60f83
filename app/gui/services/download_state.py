"""One download as its row shows it: from the queue, its task, and the disk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from app.core.events import DownloadListed, Progressed
from app.core.pace import Pace
from app.core.sentences import describe_error
from app.gui.children.task import Task
from app.library.download_queue import Move, QueuedDownload
from app.library.unfinished_downloads import DownloadKey, DownloadRequest

DownloadState = Literal["waiting", "running", "stopping", "paused", "failed", "foreign"]
"""The last one is a download of another process."""


@dataclass(frozen=True)
class Download:
    """A download; `sentence` says why it failed, or why it is held up.

    `file` is the one that is being fetched, `folder` the place of what has been fetched, and
    `moves` are the ways in which it can change its place in the queue.
    """

    request: DownloadRequest
    state: DownloadState
    done_bytes: int = 0
    total_bytes: int = 0
    pace: Pace | None = None
    sentence: str = ""
    file: str = ""
    folder: str = ""
    moves: frozenset[Move] = frozenset()

    @property
    def key(self) -> DownloadKey:
        """Identifies the download while its state changes."""
        return self.request.key

    @property
    def name(self) -> str:
        """The repository, with the chosen file or with what is made of it."""
        return self.request.name

    @property
    def can_pause(self) -> bool:
        """True if it is at work, or will be by itself."""
        return self.state in ("waiting", "running")

    @property
    def can_resume(self) -> bool:
        """True if it goes on only when the user wants that."""
        return self.state in ("paused", "failed")


def combined(
    request: DownloadRequest,
    entry: QueuedDownload | None,
    task: Task | None,
    listed: DownloadListed | None,
    moves: frozenset[Move],
) -> Download:
    """Return a download as it is now.

    Args:
        request: the files that it fetches.
        entry: its state in the queue.
        task: the one that fetches it, or has fetched it since the last scan.
        listed: its state on the disk.
        moves: as in `Download`.
    """
    state, sentence = _state_of(entry, task, listed)
    progress = _progress_of(task)
    figures = progress or listed
    return Download(
        request,
        state,
        figures.done_bytes if figures else 0,
        figures.total_bytes if figures else 0,
        task.pace if task and progress else None,
        sentence,
        progress.detail if progress else "",
        listed.path if listed else "",
        moves,
    )


def _progress_of(task: Task | None) -> Progressed | None:
    """Return how far a task is, once it has prepared its work."""
    progress = task.progress if task else None
    return progress if progress and progress.step in ("download", "convert") else None


def _state_of(
    entry: QueuedDownload | None, task: Task | None, listed: DownloadListed | None
) -> tuple[DownloadState, str]:
    """Return the state, and a sentence about it."""
    if task is not None:
        return _state_of_task(task), task.sentence
    if listed is not None and listed.is_running:
        return "foreign", ""
    if entry is not None and entry.state == "failed":
        return "failed", entry.reason
    if entry is None and listed is not None and listed.problem is not None:
        return "failed", describe_error(listed.problem, listed.details)
    return "paused", ""


def _state_of_task(task: Task) -> DownloadState:
    match task.state:
        case "waiting":
            return "waiting"
        case "running":
            return "stopping" if task.is_stopping else "running"
        case "finished":
            return "stopping"
        case "canceled":
            return "paused"
        case "failed":
            return "failed"
