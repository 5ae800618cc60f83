"""The chats on disk."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.chat import backups, database
from app.chat.chat_store import INTERRUPTED, ChatStore, open_store
from app.chat.conversation import ChatId, Message, MessageId
from app.chat.export import as_json, from_json
from app.core import paths
from app.core.chat_settings import NOTHING_CHOSEN, ChatSettings
from app.core.errors import AppError, ErrorCode, NoticeCode


@pytest.fixture
def store() -> Iterator[ChatStore]:
    with closing(ChatStore(paths.chats_file())) as opened:
        yield opened


def _reopened(store: ChatStore) -> ChatStore:
    store.close()
    return ChatStore(store.path)


def _texts(messages: list[Message]) -> list[str]:
    return [message.text for message in messages]


def _integrity(path: Path) -> str:
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        return str(connection.execute("PRAGMA integrity_check").fetchone()[0])


def test_a_conversation_is_there_after_the_next_start(store: ChatStore) -> None:
    chat = store.create_chat("Smol")
    asked = store.add_message(chat.id, None, "user", "Hello?")
    reply = store.add_message(chat.id, asked.id, "assistant", "", state="streaming", model="Smol")
    store.append_text(reply.id, "Hi ")
    store.append_text(reply.id, "there")
    store.finish_message(
        reply.id, "complete", tokens=3, tokens_per_second=20.5, seconds_to_first_token=0.25
    )
    with closing(_reopened(store)) as again:
        assert [found.title for found in again.chats()] == ["Hello?"]
        first, second = again.messages(chat.id)
    assert first == asked
    assert second.id == reply.id
    assert second.parent == asked.id
    assert second.text == "Hi there"
    assert second.state == "complete"
    assert (second.role, second.model, second.tokens) == ("assistant", "Smol", 3)
    assert (second.tokens_per_second, second.seconds_to_first_token) == (20.5, 0.25)
    assert second.created == reply.created
    assert abs((datetime.now(UTC) - second.created).total_seconds()) < 60


def test_every_commit_waits_for_the_disk(store: ChatStore) -> None:
    pragmas = {
        name: store._connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous", "foreign_keys")
    }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def test_the_final_text_takes_the_place_of_the_pieces(store: ChatStore) -> None:
    chat = store.create_chat("m")
    reply = store.add_message(chat.id, None, "assistant", "", state="streaming")
    store.append_text(reply.id, "half")
    store.finish_message(reply.id, "failed", "half and more", reason="out of memory")
    (found,) = store.messages(chat.id)
    assert (found.text, found.state, found.reason) == ("half and more", "failed", "out of memory")


def test_chats_come_newest_first(store: ChatStore) -> None:
    first, second = store.create_chat("a"), store.create_chat("b")
    assert [chat.id for chat in store.chats()] == [second.id, first.id]
    store._connection.execute("UPDATE chat SET updated = updated - 10000")
    store.add_message(first.id, None, "user", "x")
    assert [chat.id for chat in store.chats()] == [first.id, second.id]


def test_only_the_first_message_of_the_user_gives_the_title(store: ChatStore) -> None:
    chat = store.create_chat("m")
    system = store.add_message(chat.id, None, "system", "Be brief")
    assert store.chats()[0].title == ""
    asked = store.add_message(chat.id, system.id, "user", "# First\nmore")
    store.add_message(chat.id, asked.id, "user", "Second")
    assert store.chats()[0].title == "First"
    store.rename(chat.id, "Mine")
    store.add_message(chat.id, asked.id, "user", "Third")
    assert store.chats()[0].title == "Mine"


def test_a_second_answer_is_a_sibling(store: ChatStore) -> None:
    chat = store.create_chat("m")
    asked = store.add_message(chat.id, None, "user", "?")
    first = store.add_message(chat.id, asked.id, "assistant", "one")
    deeper = store.add_message(chat.id, first.id, "user", "go on")
    second = store.add_message(chat.id, asked.id, "assistant", "two")
    assert _texts(store.messages(chat.id)) == ["?", "two"]
    assert store.siblings(first.id) == store.siblings(second.id) == [first, second]
    store.show(first.id)
    assert _texts(store.messages(chat.id)) == ["?", "one", "go on"]
    with closing(_reopened(store)) as again:
        assert _texts(again.messages(chat.id)) == ["?", "one", "go on"]
        assert again.conversation(chat.id).active_leaf == deeper.id


def test_edited_first_messages_are_siblings_within_their_chat(store: ChatStore) -> None:
    chat, other = store.create_chat("m"), store.create_chat("m")
    store.add_message(other.id, None, "user", "not this")
    first = store.add_message(chat.id, None, "user", "first")
    edited = store.add_message(chat.id, None, "user", "edited")
    assert store.siblings(edited.id) == [first, edited]
    assert store.siblings(MessageId(999)) == []


def test_deleting_a_message_shows_the_newest_of_what_is_left(store: ChatStore) -> None:
    chat = store.create_chat("m")
    asked = store.add_message(chat.id, None, "user", "?")
    first = store.add_message(chat.id, asked.id, "assistant", "one")
    store.add_message(chat.id, first.id, "user", "go on")
    second = store.add_message(chat.id, asked.id, "assistant", "two")
    store.delete_message(second.id)
    assert _texts(store.messages(chat.id)) == ["?", "one", "go on"]
    store.delete_message(first.id)
    assert _texts(store.messages(chat.id)) == ["?"]
    store.delete_message(asked.id)
    assert store.messages(chat.id) == []
    store.delete_message(asked.id)
    assert _integrity(store.path) == "ok"


def test_a_chat_of_thousands_of_messages_can_be_deleted(store: ChatStore) -> None:
    store._connection.execute("PRAGMA synchronous = OFF")
    chat, kept = store.create_chat("m"), store.create_chat("m")
    store.add_message(kept.id, None, "user", "kept")
    chain: list[Message] = []
    for number in range(2_500):
        parent = chain[-1].id if chain else None
        chain.append(store.add_message(chat.id, parent, "user", str(number)))
    assert len(store.messages(chat.id)) == 2_500
    store.delete_message(chain[5].id)
    assert len(store.messages(chat.id)) == 5
    store.delete(chat.id)
    assert [found.id for found in store.chats()] == [kept.id]
    assert store._connection.execute("SELECT count(*) FROM message").fetchone()[0] == 1
    assert _integrity(store.path) == "ok"


def test_a_reply_that_streams_into_a_deleted_chat_ends_in_nothing(store: ChatStore) -> None:
    chat = store.create_chat("m")
    reply = store.add_message(chat.id, None, "assistant", "", state="streaming")
    store.delete(chat.id)
    store.delete(chat.id)
    later = store.create_chat("m")
    new = store.add_message(later.id, None, "user", "mine")
    assert new.id != reply.id, "a used identifier would receive the old reply's text"
    store.append_text(reply.id, "late")
    store.finish_message(reply.id, "complete", "late")
    store.show(reply.id)
    assert _texts(store.messages(later.id)) == ["mine"]


def test_messages_need_their_chat_and_their_parent(store: ChatStore) -> None:
    chat, other = store.create_chat("m"), store.create_chat("m")
    foreign = store.add_message(other.id, None, "user", "x")
    with pytest.raises(KeyError):
        store.add_message(ChatId(999), None, "user", "x")
    with pytest.raises(KeyError):
        store.add_message(chat.id, MessageId(999), "user", "x")
    with pytest.raises(KeyError):
        store.add_message(chat.id, foreign.id, "user", "x")
    with pytest.raises(KeyError):
        store.conversation(ChatId(999))
    assert store.messages(chat.id) == []
    store.add_message(chat.id, None, "user", "goes on")


_ODD = [
    "\0", "a\0b", "\udcff", "\ud83c", "\ud83c\udf3e", "\ufeff", "'; DROP TABLE chat; --", "%_\\",
    "\r\n\u2028", "x" * 2_000_000, "👩‍🌾" * 1000, "",
]  # fmt: skip


@pytest.mark.parametrize("text", _ODD, ids=range(len(_ODD)))
def test_odd_text(store: ChatStore, text: str) -> None:
    chat = store.create_chat(text)
    message = store.add_message(chat.id, None, "user", text)
    store.append_text(message.id, text)
    store.finish_message(message.id, "stopped", reason=text)
    store.rename(chat.id, text)
    store.search(text)
    (found,) = store.messages(chat.id)
    assert found.text == message.text * 2
    assert len(found.text) in (2 * len(text), len(text))
    found.text.encode()
    with closing(_reopened(store)) as again:
        assert again.messages(chat.id) == [found]
        assert as_json([again.conversation(chat.id)])


def test_a_pair_of_surrogates_is_one_character(store: ChatStore) -> None:
    chat = store.create_chat("m")
    assert store.add_message(chat.id, None, "user", "\ud83c\udf3e").text == "🌾"
    assert store.add_message(chat.id, None, "user", "a\udcff\0b").text == "a\ufffd\ufffdb"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ekmek", True),
        ("ÇAVDAR", True),
        ("çavdar", True),
        ("50%", True),
        ("5_%", False),
        ("%", True),
        ("bread and", True),
        ("nothing like it", False),
        ("", True),
    ],
)
def test_search_in_titles_and_texts(store: ChatStore, text: str, found: bool) -> None:
    chat = store.create_chat("m")
    asked = store.add_message(chat.id, None, "user", "Ekmek")
    store.add_message(chat.id, asked.id, "assistant", "Çavdar, 50% and buğday")
    store.rename(chat.id, "Bread and more")
    assert [hit.chat.id for hit in store.search(text)] == ([chat.id] if found else [])


def test_search_survives_text_that_is_not_utf_8(store: ChatStore) -> None:
    chat = store.create_chat("m")
    store.add_message(chat.id, None, "user", "good")
    store._connection.execute("UPDATE message SET text = CAST(x'ff676f6f64' AS TEXT)")
    assert [hit.chat.id for hit in store.search("GOOD")] == [chat.id]
    assert _texts(store.messages(chat.id)) == ["\ufffdgood"]


def test_values_of_a_newer_version_are_tolerated(store: ChatStore) -> None:
    chat = store.create_chat("m")
    store.add_message(chat.id, None, "user", "x")
    store._connection.execute("UPDATE message SET role = 'tool', state = 'paused'")
    store._connection.execute("UPDATE chat SET created = 9223372036854775807, active_leaf = 1")
    (found,) = store.messages(chat.id)
    assert (found.role, found.state) == ("assistant", "complete")
    assert store.chats()[0].created == datetime(1970, 1, 1, tzinfo=UTC)


def test_what_a_crash_left_streaming_is_marked(store: ChatStore) -> None:
    chat = store.create_chat("m")
    asked = store.add_message(chat.id, None, "user", "?")
    begun = store.add_message(chat.id, asked.id, "assistant", "", state="streaming")
    store.append_text(begun.id, "half a")
    empty = store.add_message(chat.id, asked.id, "assistant", "", state="streaming")
    with closing(_reopened(store)) as again:
        found = {message.id: message for message in again.conversation(chat.id).messages}
    assert (found[begun.id].state, found[begun.id].reason) == ("stopped", INTERRUPTED)
    assert found[begun.id].text == "half a"
    assert (found[empty.id].state, found[empty.id].reason) == ("failed", INTERRUPTED)
    assert (found[asked.id].state, found[asked.id].reason) == ("complete", "")


def test_an_exported_conversation_can_be_taken_in_again(store: ChatStore) -> None:
    chat = store.create_chat("Smol")
    asked = store.add_message(chat.id, None, "user", "?")
    first = store.add_message(chat.id, asked.id, "assistant", "one")
    store.add_message(chat.id, asked.id, "assistant", "two")
    store.show(first.id)
    (exported,) = from_json(as_json([store.conversation(chat.id)]))
    copy = store.add_conversation(exported)
    assert copy.id != chat.id
    assert (copy.title, copy.model, copy.created) == ("?", "Smol", chat.created)
    assert _texts(store.messages(copy.id)) == ["?", "one"]
    copied = store.conversation(copy.id)
    assert _texts(list(copied.messages)) == ["?", "one", "two"]
    assert all(message.chat == copy.id for message in copied.messages)
    assert _texts(store.messages(chat.id)) == ["?", "one"]
    assert _integrity(store.path) == "ok"


def test_a_full_disk_is_said_and_loses_nothing(store: ChatStore) -> None:
    chat = store.create_chat("m")
    store.add_message(chat.id, None, "user", "kept")
    pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
    store._connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(AppError) as caught:
        store.add_message(chat.id, None, "user", "x" * 100_000)
    assert caught.value.code is ErrorCode.DISK_FULL
    assert caught.value.details["folder"] == str(store.path.parent)
    assert _texts(store.messages(chat.id)) == ["kept"]
    store._connection.execute(f"PRAGMA max_page_count = {pages + 1000}")
    store.add_message(chat.id, None, "user", "y" * 100_000)


def test_a_file_that_another_program_holds(store: ChatStore) -> None:
    store._connection.execute("PRAGMA busy_timeout = 1")
    with closing(sqlite3.connect(store.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(AppError) as caught:
            store.create_chat("m")
        assert caught.value.code is ErrorCode.FILE_BUSY
        other.execute("ROLLBACK")
    store.create_chat("m")


def test_a_file_that_may_not_be_written(store: ChatStore) -> None:
    store._connection.execute("PRAGMA query_only = ON")
    with pytest.raises(AppError) as caught:
        store.create_chat("m")
    assert caught.value.code is ErrorCode.FOLDER_NOT_WRITABLE


def test_a_folder_that_can_t_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(AppError) as caught:
        open_store(tmp_path / "file" / "chats.sqlite3")
    assert caught.value.code is ErrorCode.FOLDER_NOT_WRITABLE


def test_a_name_that_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "chats.sqlite3").mkdir()
    with pytest.raises(AppError) as caught:
        open_store(tmp_path / "chats.sqlite3")
    assert caught.value.code is ErrorCode.FOLDER_NOT_WRITABLE


_NEXT = (
    *database.MIGRATIONS,
    "ALTER TABLE chat ADD COLUMN pinned INTEGER NOT NULL DEFAULT 0",
    "CREATE INDEX pinned_chats ON chat (pinned)",
)


def test_a_copy_of_the_closed_file_alone_has_the_chats(store: ChatStore, tmp_path: Path) -> None:
    with closing(sqlite3.connect(store.path)) as other:
        other.execute("SELECT * FROM chat").fetchall()
        chat = store.create_chat("m")
        store.add_message(chat.id, None, "user", "kept")
        store.close()
        copy = shutil.copy(store.path, tmp_path / "copy.sqlite3")
    with closing(ChatStore(copy)) as opened:
        assert _texts(opened.messages(chat.id)) == ["kept"]


def _version(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def test_an_older_file_is_migrated_after_a_backup(store: ChatStore) -> None:
    chat = store.create_chat("m")
    store.add_message(chat.id, None, "user", "kept")
    store.close()
    connection, is_newer = database.open_database(store.path, _NEXT)
    with closing(connection):
        assert not is_newer
        assert connection.execute("SELECT pinned FROM chat").fetchone()[0] == 0
    assert _version(store.path) == len(_NEXT)
    (backup,) = backups.newest_first()
    assert _version(backup) == len(database.MIGRATIONS)
    with closing(ChatStore(backup)) as before:
        assert _texts(before.messages(chat.id)) == ["kept"]


def test_a_file_of_the_first_version_is_read(store: ChatStore) -> None:
    chat = store.create_chat("m")
    store.add_message(chat.id, None, "user", "kept")
    _make_first_version(store)
    with closing(ChatStore(store.path)) as opened:
        assert opened.chats()[0].settings == NOTHING_CHOSEN
        opened.change_settings(chat.id, ChatSettings(seed=7))
        assert opened.chats()[0].settings == ChatSettings(seed=7)
    (backup,) = backups.newest_first()
    assert _version(backup) == 1
    assert database.is_sound(backup)


def _make_first_version(store: ChatStore) -> None:
    store._connection.execute("ALTER TABLE chat DROP COLUMN settings")
    store._connection.execute("ALTER TABLE message DROP COLUMN code")
    store._connection.execute("PRAGMA user_version = 1")
    store.close()


def test_settings_of_a_chat(store: ChatStore) -> None:
    chosen = ChatSettings(system_prompt="Be\0 brief.", temperature=0.5, top_k=3)
    chat = store.create_chat("m", chosen)
    kept = ChatSettings(system_prompt="Be\ufffd brief.", temperature=0.5, top_k=3)
    assert store.conversation(chat.id).chat.settings in (chosen, kept)
    store.change_settings(chat.id, NOTHING_CHOSEN)
    assert store.chats()[0].settings == NOTHING_CHOSEN


@pytest.mark.parametrize("text", ["", "[]", '{"temperature": 99}', '{"temperature": "hot"}'])
def test_damaged_settings_hide_no_chat(store: ChatStore, text: str) -> None:
    store.create_chat("m")
    store._connection.execute("UPDATE chat SET settings = ?", (text,))
    assert store.chats()[0].settings == NOTHING_CHOSEN


def test_a_migration_that_fails_changes_nothing(store: ChatStore) -> None:
    store.create_chat("m")
    store.close()
    broken = (*_NEXT, "CREATE TABLE half (x); SELECT nonsense FROM nowhere")
    with pytest.raises(AppError):
        database.open_database(store.path, broken)
    assert _version(store.path) == len(_NEXT)
    with closing(sqlite3.connect(store.path)) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema")}
    assert "half" not in tables


def test_a_new_file_takes_all_migrations_and_needs_no_backup(tmp_path: Path) -> None:
    connection, _ = database.open_database(tmp_path / "new.sqlite3", _NEXT)
    connection.close()
    assert _version(tmp_path / "new.sqlite3") == len(_NEXT)
    assert backups.newest_first() == []


def test_a_newer_file_can_be_read_but_not_changed(store: ChatStore) -> None:
    chat = store.create_chat("m")
    reply = store.add_message(chat.id, None, "assistant", "kept", state="streaming")
    store.close()
    database.open_database(store.path, _NEXT)[0].close()
    opened, notice = open_store(store.path)
    with closing(opened):
        assert opened.is_read_only
        assert notice is not None
        assert notice.code is NoticeCode.CHATS_NEWER
        assert _texts(opened.messages(chat.id)) == ["kept"]
        assert opened.messages(chat.id)[0].state == "streaming"
        assert opened.search("kept")
        for change in (
            lambda: opened.create_chat("m"),
            lambda: opened.add_message(chat.id, None, "user", "x"),
            lambda: opened.append_text(reply.id, "x"),
            lambda: opened.finish_message(reply.id, "complete"),
            lambda: opened.rename(chat.id, "x"),
            lambda: opened.delete(chat.id),
            lambda: opened.delete_message(reply.id),
            lambda: opened.show(reply.id),
            lambda: opened.add_conversation(opened.conversation(chat.id)),
        ):
            with pytest.raises(AppError) as caught:
                change()
            assert caught.value.code is ErrorCode.CHATS_READ_ONLY
    assert _version(store.path) == len(_NEXT)


def test_damage_that_lies_only_in_an_index_is_mended(store: ChatStore) -> None:
    store._connection.execute("PRAGMA synchronous = OFF")
    chat = store.create_chat("m")
    for number in range(50):
        store.add_message(chat.id, None, "user", str(number))
    page = store._connection.execute(
        "SELECT rootpage FROM sqlite_schema WHERE name = 'message_of_chat'"
    ).fetchone()[0]
    store.close()
    content = bytearray(store.path.read_bytes())
    # The last bytes of an index page are its first entries: chat and message number.
    content[page * 4096 - 8 : page * 4096] = bytes(8)
    store.path.write_bytes(content)
    assert _integrity(store.path) != "ok"
    with closing(ChatStore(store.path)) as again:
        assert len(again.conversation(chat.id).messages) == 50
    assert _integrity(store.path) == "ok"


def test_a_format_that_sqlite_does_not_know_is_damage(store: ChatStore) -> None:
    store.create_chat("m")
    store.close()
    content = bytearray(store.path.read_bytes())
    content[18] = 200
    store.path.write_bytes(content)
    opened, notice = open_store(store.path)
    with closing(opened):
        assert notice is not None
        assert notice.code is NoticeCode.CHATS_RESET
        opened.create_chat("m")


def test_only_what_must_last_waits_for_the_disk(store: ChatStore) -> None:
    statements: list[str] = []
    store._connection.set_trace_callback(statements.append)

    def waits(act: Callable[[], object]) -> bool:
        statements.clear()
        act()
        (level,) = (text.split()[-1] for text in statements if "synchronous" in text)
        return level == "FULL"

    chat = store.create_chat("model")
    asked = store.add_message(chat.id, None, "user", "Hello")
    reply = store.add_message(chat.id, asked.id, "assistant", "", state="streaming")
    assert not waits(lambda: store.create_chat("model"))
    assert waits(lambda: store.add_message(chat.id, None, "user", "Hello"))
    assert not waits(
        lambda: store.add_message(chat.id, asked.id, "assistant", "", state="streaming")
    )
    assert not waits(lambda: store.append_text(reply.id, "Hi"))
    assert waits(lambda: store.finish_message(reply.id, "complete"))
    assert waits(lambda: store.rename(chat.id, "Mill"))
