"""Convert download requests to arguments of `gristmill download`, and a task's arguments back."""

from __future__ import annotations

from itertools import pairwise

from app.core.errors import AppError
from app.core.events import DownloadListed
from app.gui.children.task import Task
from app.hub.reference import parse_reference
from app.jobs.schedule import TaskKind
from app.library.unfinished_downloads import DownloadRequest

VERB: TaskKind = "download"
_REVISION, _INCLUDE, _PICKLE = "--revision", "--include", "--allow-pickle"


def download_arguments(request: DownloadRequest) -> tuple[str, ...]:
    """Return the verb with the arguments of a request."""
    arguments: list[str] = [VERB, request.repository]
    if request.revision:
        arguments += [_REVISION, request.revision]
    if request.pattern:
        arguments += [_INCLUDE, request.pattern]
    if request.allows_pickle:
        arguments.append(_PICKLE)
    return tuple(arguments)


def requested_by(task: Task) -> DownloadRequest | None:
    """Return what a task downloads; None for other tasks, and if it names no repository."""
    if task.kind != VERB:
        return None
    _, text, *options = task.arguments
    try:
        reference = parse_reference(text)
    except AppError:
        return None
    values = dict(pairwise(options))
    return DownloadRequest(
        reference.repository,
        values.get(_REVISION, reference.revision),
        values.get(_INCLUDE),
        _PICKLE in options,
    )


def requested_in(listed: DownloadListed) -> DownloadRequest:
    """Return what an unfinished download fetches."""
    return DownloadRequest(listed.repository, listed.revision, listed.pattern, listed.allows_pickle)
