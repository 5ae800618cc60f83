"""The download queue: contents, order, and survival of a restart."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.core import paths
from app.core.errors import AppError, ErrorCode, NoticeCode
from app.library.download_queue import DownloadQueue, Move, open_queue
from app.library.unfinished_downloads import DownloadRequest


@pytest.fixture
def queue() -> Iterator[DownloadQueue]:
    with closing(DownloadQueue(paths.downloads_file())) as opened:
        yield opened


def names(queue: DownloadQueue) -> list[str]:
    return [entry.request.repository for entry in queue.entries()]


def add(queue: DownloadQueue, *names: str) -> list[int]:
    return [queue.add(DownloadRequest(name)).id for name in names]


def reopened() -> DownloadQueue:
    return DownloadQueue(paths.downloads_file())


def test_what_was_added_waits_in_its_order(queue: DownloadQueue) -> None:
    request = DownloadRequest("a/b", "v2", "*Q4*", allows_pickle=True)
    got = DownloadRequest("a/b", kind="get", levels=("Q4_K_M", "Q8_0"))
    first, second = queue.add(request), queue.add(got)
    with closing(reopened()) as again:
        assert again.entries() == (first, second) == queue.entries()
    assert (first.request, first.state, first.reason) == (request, "waiting", "")
    assert second.request == got
    assert datetime.now(UTC) - first.added < timedelta(minutes=1)


def test_the_same_download_again_waits_at_its_place(queue: DownloadQueue) -> None:
    first, _ = add(queue, "a/b", "a/c")
    queue.mark("failed", first, reason="It broke.")
    again = queue.add(DownloadRequest("A/B", "v2"))
    assert names(queue) == ["A/B", "a/c"]
    assert (again.id, again.state, again.reason) == (first, "waiting", "")
    assert again.request.revision == "v2"


@pytest.mark.parametrize(
    "other",
    [
        DownloadRequest("a/b", pattern="Q4_0"),
        DownloadRequest("a/b", kind="get"),
        DownloadRequest("a/b", kind="get", levels=("Q8_0",)),
        DownloadRequest("a/b", kind="get", levels=("Q4_0", "Q8_0")),
    ],
)
def test_other_files_of_a_repository_are_another_download(
    queue: DownloadQueue, other: DownloadRequest
) -> None:
    queue.add(DownloadRequest("a/b"))
    queue.add(DownloadRequest("a/b", kind="get", levels=("Q4_0",)))
    queue.add(other)
    assert len(queue.entries()) == 3


def test_states_and_reasons_are_kept(queue: DownloadQueue) -> None:
    first, second, third = add(queue, "a/1", "a/2", "a/3")
    queue.mark("paused", first, third)
    queue.mark("failed", second, reason="The disk is full.")
    with closing(reopened()) as again:
        found = [(entry.state, entry.reason) for entry in again.entries()]
    assert found == [("paused", ""), ("failed", "The disk is full."), ("paused", "")]
    queue.mark("running", second)
    assert queue.entries()[1].reason == ""


@pytest.mark.parametrize(
    ("name", "where", "expected"),
    [
        ("b", "up", "bacd"),
        ("b", "down", "acbd"),
        ("c", "top", "cabd"),
        ("a", "up", "abcd"),
        ("a", "top", "abcd"),
        ("d", "down", "abcd"),
    ],
)
def test_downloads_move(queue: DownloadQueue, name: str, where: Move, expected: str) -> None:
    ids = dict(zip("abcd", add(queue, *(f"x/{one}" for one in "abcd")), strict=True))
    queue.move(ids[name], where)
    with closing(reopened()) as again:
        assert names(again) == [f"x/{one}" for one in expected]
    queue.add(DownloadRequest("x/new"))
    assert names(queue)[-1] == "x/new"


def test_what_is_done_or_canceled_is_gone(queue: DownloadQueue) -> None:
    first, second = add(queue, "a/1", "a/2")
    queue.remove(first)
    queue.remove(first)
    queue.mark("running", first)
    queue.move(first, "top")
    assert names(queue) == ["a/2"]
    add(queue, "a/3")
    assert first not in [entry.id for entry in queue.entries()]
    assert queue.entries()[0].id == second


def test_what_only_a_newer_version_understands_is_left_alone(queue: DownloadQueue) -> None:
    add(queue, "a/1", "a/2")
    with closing(sqlite3.connect(paths.downloads_file())) as other:
        other.execute("UPDATE download SET state = 'scheduled' WHERE id = 1")
        other.execute("ALTER TABLE download ADD COLUMN hour INTEGER")
        other.execute("PRAGMA user_version = 2")
        other.commit()
    with closing(reopened()) as again:
        assert names(again) == ["a/2"]
    with closing(sqlite3.connect(paths.downloads_file())) as other:
        assert other.execute("SELECT count(*) FROM download").fetchone() == (2,)


@pytest.mark.parametrize("damage", [b"", b"no database " * 100], ids=["empty", "other"])
def test_a_damaged_file_is_moved_aside(damage: bytes) -> None:
    file = paths.downloads_file()
    file.write_bytes(damage)
    with pytest.raises(AppError) as raised:
        DownloadQueue(file)
    assert raised.value.code is ErrorCode.DOWNLOADS_DAMAGED
    queue, notice = open_queue(file)
    with closing(queue):
        assert notice is not None
        assert notice.code is NoticeCode.DOWNLOADS_RESET
        assert Path(str(notice.details["file"])).read_bytes() == damage
        add(queue, "a/b")
    queue, notice = open_queue(file)
    with closing(queue):
        assert (names(queue), notice) == (["a/b"], None)


def test_a_queue_that_another_process_locks_is_busy(queue: DownloadQueue) -> None:
    queue._connection.execute("PRAGMA busy_timeout = 1")
    with closing(sqlite3.connect(paths.downloads_file(), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(AppError) as raised:
            queue.add(DownloadRequest("a/b"))
    assert raised.value.code is ErrorCode.FILE_BUSY
    add(queue, "a/b")
