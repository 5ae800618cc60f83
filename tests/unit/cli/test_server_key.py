"""The key of a shared model stays the same as long as there is a keyring."""

from __future__ import annotations

import pytest

from app.cli.serve import kept_key
from app.core.errors import NoticeCode
from app.core.events import Event, NoticeReported
from tests.support.machine.memory_keyring import MemoryKeyring


def test_it_is_the_same_at_every_start(ring: MemoryKeyring) -> None:
    reported: list[Event] = []
    first = kept_key(reported.append)
    assert len(first) == 64
    assert kept_key(reported.append) == first
    assert list(ring.entries.values()) == [first]
    assert reported == []


@pytest.mark.usefixtures("no_ring")
def test_without_a_keyring_it_is_new_every_time() -> None:
    reported: list[Event] = []
    assert kept_key(reported.append) != kept_key(reported.append)
    codes = [event.code for event in reported if isinstance(event, NoticeReported)]
    assert codes == [NoticeCode.SERVER_KEY_NOT_KEPT] * 2
