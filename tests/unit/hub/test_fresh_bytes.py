from __future__ import annotations

import threading

from app.hub.fresh_bytes import FreshBytes

MEGABYTE = memoryview(bytes(2**20))


def test_pieces_come_in_order_from_where_the_checksum_is() -> None:
    fresh = FreshBytes()
    fresh.offer(0, memoryview(b"ab"))
    fresh.offer(5, memoryview(b"xyz"))
    fresh.offer(2, memoryview(b"c"))
    assert [bytes(piece) for piece in fresh.take()] == [b"ab", b"c"]
    fresh.offer(3, memoryview(b"de"))
    assert b"".join(fresh.take()) == b"de"
    assert fresh.take() == []


def test_after_a_new_beginning_only_what_follows_it_is_kept() -> None:
    fresh = FreshBytes()
    fresh.offer(0, memoryview(b"ab"))
    fresh.begin_at(7)
    fresh.offer(2, memoryview(b"c"))
    fresh.offer(7, memoryview(b"h"))
    assert b"".join(fresh.take()) == b"h"


def test_the_writer_waits_for_the_checksum() -> None:
    fresh = FreshBytes()

    def write() -> None:
        for number in range(64):
            fresh.offer(number * len(MEGABYTE), MEGABYTE)

    writer = threading.Thread(target=write)
    writer.start()
    most, count = 0, 0
    while count < 64:
        taken = len(fresh.take())
        most, count = max(most, taken), count + taken
    writer.join()
    assert most <= 16


def test_without_a_checksum_the_writer_goes_on() -> None:
    fresh = FreshBytes()
    for number in range(40):
        fresh.offer(number * len(MEGABYTE), MEGABYTE)
    assert len(fresh.take()) == 16
