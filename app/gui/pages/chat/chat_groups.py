"""Group chats by the day of their last message."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from itertools import groupby

from app.chat.search_hit import SearchHit
from app.core.language import tr

_WEEK = 7


def grouped(hits: Sequence[SearchHit], today: date) -> Iterator[tuple[str, list[SearchHit]]]:
    """Yield the headings with their chats, which come newest first."""
    for heading, group in groupby(hits, lambda hit: _heading(hit.chat.updated, today)):
        yield heading, list(group)


def _heading(moment: datetime, today: date) -> str:
    days = (today - moment.astimezone().date()).days
    if days <= 0:
        return tr("Today")
    if days == 1:
        return tr("Yesterday")
    return tr("Previous 7 days") if days <= _WEEK else tr("Older")
