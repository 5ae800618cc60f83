"""Convert download requests to arguments of `gristmill download` and `gristmill get`."""

from __future__ import annotations

from app.core.events import DownloadListed
from app.library.unfinished_downloads import DownloadRequest


def download_arguments(request: DownloadRequest) -> tuple[str, ...]:
    """Return the verb with the arguments of a request."""
    arguments: list[str] = [request.kind, request.repository]
    if request.revision:
        arguments += ["--revision", request.revision]
    if request.pattern:
        arguments += ["--include", request.pattern]
    if request.allows_pickle:
        arguments.append("--allow-pickle")
    for level in request.levels:
        arguments += ["--level", level]
    return tuple(arguments)


def requested_in(listed: DownloadListed) -> DownloadRequest:
    """Return what an unfinished download fetches."""
    return DownloadRequest(
        listed.repository,
        listed.revision,
        listed.pattern,
        listed.allows_pickle,
        listed.kind,
        listed.levels,
    )
