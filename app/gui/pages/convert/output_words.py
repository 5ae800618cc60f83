"""Say what a conversion will write."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from app.core.allocation_events import TypesChosen
from app.core.events import LevelPlanned
from app.core.language import tr
from app.core.sizes import format_bytes


def output_in_words(
    ticked: Sequence[LevelPlanned],
    target_bytes: int | None,
    plan: TypesChosen | None,
    *,
    download_bytes: int = 0,
    better: str = "",
) -> str:
    """Return the size of what will be written and downloaded, and the better level.

    Args:
        ticked: the levels to make.
        target_bytes: the size of the one file that is wanted instead of levels.
        plan: the plan for that size, if it is known.
        download_bytes: the size of what is still to be downloaded.
        better: the level that is recommended instead; empty if there is none.
    """
    if target_bytes is None and not ticked:
        return tr("Choose at least one level.")
    words = [_output(ticked, target_bytes, plan)]
    words += _others(download_bytes, better)
    return " · ".join(words)


def _output(
    ticked: Sequence[LevelPlanned], target_bytes: int | None, plan: TypesChosen | None
) -> str:
    if target_bytes is not None and plan is None:
        return tr("Output: up to {size}", size=format_bytes(target_bytes))
    planned = sum(level.size_bytes for level in ticked)
    size = format_bytes(plan.size_bytes if target_bytes is not None and plan else planned)
    if target_bytes is None and len(ticked) > 1:
        return tr("Output: {count} files, {size}", count=len(ticked), size=size)
    return tr("Output: {size}", size=size)


def _others(download_bytes: int, better: str) -> Iterator[str]:
    if download_bytes:
        yield tr("Download: {size}", size=format_bytes(download_bytes))
    if better:
        yield tr("Better: {level}", level=better)
