"""The daily copies, and what a damaged file is replaced by."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from app.chat import backups, database
from app.chat.chat_store import ChatStore, open_store
from app.core import paths
from app.core.errors import NoticeCode


def _filled(path: Path, chats: int = 30) -> None:
    with closing(ChatStore(path)) as store:
        store._connection.execute("PRAGMA synchronous = OFF")
        for number in range(chats):
            chat = store.create_chat("m")
            parent = store.add_message(chat.id, None, "user", f"question {number}")
            store.add_message(chat.id, parent.id, "assistant", f"answer {number} " * 200)


def _assert_usable(store: ChatStore) -> None:
    for chat in store.chats():
        store.messages(chat.id)
    chat = store.create_chat("m")
    message = store.add_message(chat.id, None, "user", "after")
    store.append_text(message.id, " all")
    assert [found.text for found in store.messages(chat.id)] == ["after all"]


def _copies() -> list[str]:
    return [backup.name for backup in backups.newest_first()]


def test_one_backup_a_day() -> None:
    _filled(paths.chats_file())
    for _ in range(2):
        opened, notice = open_store(paths.chats_file())
        opened.close()
        assert notice is None
    (name,) = _copies()
    assert re.fullmatch(r"chats-\d{8}-\d{6}\.sqlite3", name)
    assert database.is_sound(backups.newest_first()[0])
    assert sorted(file.name for file in paths.backups_folder().iterdir()) == [name]


def test_nothing_to_keep_makes_no_backup() -> None:
    opened, notice = open_store(paths.chats_file())
    opened.close()
    assert notice is None
    assert _copies() == []


def test_five_backups_are_kept() -> None:
    _filled(paths.chats_file())
    paths.backups_folder().mkdir()
    for day in range(1, 9):
        (paths.backups_folder() / f"chats-2026010{day}-120000.sqlite3").write_bytes(b"old")
    (paths.backups_folder() / "notes.txt").write_bytes(b"of someone else")
    open_store(paths.chats_file())[0].close()
    names = _copies()
    assert len(names) == backups.KEPT
    assert names[1:] == [f"chats-2026010{day}-120000.sqlite3" for day in (8, 7, 6, 5)]
    assert (paths.backups_folder() / "notes.txt").exists()


def test_a_backup_that_can_t_be_made_keeps_no_one_from_their_chats() -> None:
    _filled(paths.chats_file())
    paths.backups_folder().write_bytes(b"a file in its place")
    opened, notice = open_store(paths.chats_file())
    with closing(opened):
        assert notice is None
        _assert_usable(opened)


def test_the_newest_sound_backup_is_restored() -> None:
    path = paths.chats_file()
    _filled(path)
    open_store(path)[0].close()
    good = backups.newest_first()[0]
    broken = paths.backups_folder() / "chats-29990101-000000.sqlite3"
    broken.write_bytes(good.read_bytes()[:5000])
    (paths.backups_folder() / "chats-29990102-000000.sqlite3").write_bytes(b"")
    path.write_bytes(b"no database" * 1000)
    opened, notice = open_store(path)
    with closing(opened):
        assert len(opened.chats()) == 30
        _assert_usable(opened)
    assert notice is not None
    assert notice.code is NoticeCode.CHATS_RESTORED
    aside = Path(str(notice.details["file"]))
    assert re.fullmatch(r"chats\.sqlite3\.bad-\d{8}-\d{6}", aside.name)
    assert aside.read_bytes() == b"no database" * 1000
    day = str(notice.details["date"]).replace("-", "")
    assert good.name.startswith(f"chats-{day}-")


def test_without_a_backup_a_new_file_is_begun() -> None:
    paths.chats_file().write_bytes(b"no database" * 1000)
    opened, notice = open_store(paths.chats_file())
    with closing(opened):
        assert opened.chats() == []
        _assert_usable(opened)
    assert notice is not None
    assert notice.code is NoticeCode.CHATS_RESET
    assert Path(str(notice.details["file"])).stat().st_size == 11_000


def test_a_log_that_belongs_to_the_damaged_file_is_not_played_into_the_new_one() -> None:
    path = paths.chats_file()
    _filled(path)
    with closing(ChatStore(path)) as store:
        store.create_chat("of the old file")
        log = path.with_name(path.name + "-wal").read_bytes()
    assert log
    path.write_bytes(b"no database" * 20_000)
    path.with_name(path.name + "-wal").write_bytes(log)
    opened, notice = open_store(path)
    with closing(opened):
        assert notice is not None
        assert opened.chats() == []
        _assert_usable(opened)


def _flip(content: bytearray, draw: random.Random) -> None:
    for _ in range(draw.choice((1, 8, 64, 512))):
        content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)


def _flip_header(content: bytearray, draw: random.Random) -> None:
    for _ in range(draw.randint(1, 8)):
        content[draw.randrange(100)] = draw.randrange(256)


def _zero(content: bytearray, draw: random.Random) -> None:
    start = draw.randrange(len(content))
    length = min(draw.choice((512, 4096, 65536)), len(content) - start)
    content[start : start + length] = bytes(length)


def _zero_pages(content: bytearray, draw: random.Random) -> None:
    start = draw.randrange(len(content) // 4096 - 4) * 4096
    content[start : start + 4 * 4096] = bytes(4 * 4096)


def _truncate(content: bytearray, draw: random.Random) -> None:
    del content[draw.choice((0, 1, 100, 4096, draw.randrange(len(content)))) :]


def _shuffle_pages(content: bytearray, draw: random.Random) -> None:
    first, second = draw.sample(range(len(content) // 4096), 2)
    first, second = first * 4096, second * 4096
    page = content[first : first + 4096]
    content[first : first + 4096] = content[second : second + 4096]
    content[second : second + 4096] = page


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("damage", [_flip, _flip_header, _zero, _truncate, _shuffle_pages])
@pytest.mark.parametrize("has_backup", [False, True])
def test_a_damaged_file_always_ends_in_a_usable_store(
    damage: Callable[[bytearray, random.Random], None], seed: int, has_backup: bool
) -> None:
    path = paths.chats_file()
    _filled(path)
    if has_backup:
        open_store(path)[0].close()
    whole = path.read_bytes()
    content = bytearray(whole)
    damage(content, random.Random(seed))
    path.write_bytes(content)
    opened, notice = open_store(path)
    with closing(opened):
        if opened.is_read_only:
            # The damage hit the version number: the chats are shown, and the notice says it.
            assert notice is not None
            assert len(opened.chats()) == 30
        else:
            _assert_usable(opened)
            assert notice is not None or len(opened.chats()) == 31, "chats were lost unnoticed"
        if notice is not None and notice.code is NoticeCode.CHATS_RESTORED:
            assert len(opened.chats()) == 31
    if notice is not None and "file" in notice.details:
        assert Path(str(notice.details["file"])).exists()
        assert has_backup == (notice.code is NoticeCode.CHATS_RESTORED)
    again, notice = open_store(path)
    again.close()
    assert notice is None or notice.code is NoticeCode.CHATS_NEWER


@pytest.mark.parametrize("damage", [_zero_pages, _truncate])
def test_lost_pages_are_noticed(damage: Callable[[bytearray, random.Random], None]) -> None:
    path = paths.chats_file()
    _filled(path)
    whole = path.read_bytes()
    for seed in range(10):
        content = bytearray(whole)
        damage(content, random.Random(seed))
        path.write_bytes(content)
        opened, notice = open_store(path)
        opened.close()
        assert notice is not None
