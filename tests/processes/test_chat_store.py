"""No acknowledged message is lost when the process is killed."""

from __future__ import annotations

import json
import os
import random
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

import app
from app.chat.chat_store import INTERRUPTED, ChatStore, open_store
from app.chat.conversation import MessageId
from app.core import paths

_WRITER = """
import itertools, json, random, sys
from app.chat.chat_store import open_store
from app.core import paths

def acknowledge(message, text):
    print(json.dumps([message.chat, message.id, text]), flush=True)

store, notice = open_store(paths.chats_file())
assert notice is None, notice
draw = random.Random(int(sys.argv[1]))
while True:
    chat, parent = store.create_chat("m"), None
    for number in range(draw.randint(1, 20)):
        text = f"question {number} " * draw.choice((1, 10, 2000))
        asked = store.add_message(chat.id, parent, "user", text)
        acknowledge(asked, text)
        reply = store.add_message(chat.id, asked.id, "assistant", "", state="streaming")
        streamed = ""
        for piece in range(draw.randint(0, 5)):
            store.append_text(reply.id, f"piece {piece} ")
            streamed += f"piece {piece} "
            acknowledge(reply, streamed)
        store.finish_message(reply.id, "complete", streamed + "end", tokens=5)
        acknowledge(reply, streamed + "end")
        parent = reply.id
"""


def _written_until_killed(seed: int, lines: int) -> dict[tuple[int, int], str]:
    """Messages that a child acknowledged before it was killed: chat and message to text."""
    child = subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(seed)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(app.__file__).parents[1])},
    )
    assert child.stdout is not None
    acknowledged = [child.stdout.readline() for _ in range(lines)]
    child.kill()
    # What was said between the last line read and the kill was acknowledged too.
    acknowledged += child.communicate()[0].splitlines(keepends=True)
    assert child.returncode != 0
    whole = [json.loads(line) for line in acknowledged if line.endswith(b"\n")]
    assert len(whole) >= lines, "the child ended before it was killed"
    return {(chat, message): text for chat, message, text in whole}


def _assert_nothing_lost(store: ChatStore, acknowledged: dict[tuple[int, int], str]) -> None:
    found = {
        (message.chat, message.id): message
        for chat in store.chats()
        for message in store.conversation(chat.id).messages
    }
    for key, text in acknowledged.items():
        assert found[key].text.startswith(text)
    for message in found.values():
        assert message.state in ("complete", "stopped", "failed")
        assert (message.reason == INTERRUPTED) == (message.state != "complete")
    for chat in store.chats():
        ids = [message.id for message in store.messages(chat.id)]
        assert ids == sorted(ids)
        assert len(ids) == len(store.conversation(chat.id).messages)


@pytest.mark.parametrize("round_seed", range(4))
def test_killed_at_random_points(round_seed: int) -> None:
    draw = random.Random(round_seed)
    acknowledged: dict[tuple[int, int], str] = {}
    for _ in range(5):
        lines = draw.choice((1, 2, draw.randint(3, 60)))
        acknowledged |= _written_until_killed(draw.randrange(10**6), lines)
        with closing(sqlite3.connect(paths.chats_file())) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        opened, notice = open_store(paths.chats_file())
        with closing(opened):
            assert notice is None
            _assert_nothing_lost(opened, acknowledged)


def test_the_check_itself_notices_a_loss() -> None:
    acknowledged = _written_until_killed(1, 10)
    opened, _ = open_store(paths.chats_file())
    with closing(opened):
        _assert_nothing_lost(opened, acknowledged)
        opened.delete_message(MessageId(1))
        with pytest.raises(KeyError):
            _assert_nothing_lost(opened, acknowledged)


def test_a_second_process_reads_while_the_first_writes() -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", _WRITER, "3"],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(app.__file__).parents[1])},
    )
    try:
        assert child.stdout is not None
        child.stdout.readline()
        with closing(ChatStore(paths.chats_file())) as store:
            for _ in range(20):
                chat, message, text = json.loads(child.stdout.readline())
                found = {each.id: each for each in store.conversation(chat).messages}
                assert found[message].text.startswith(text)
    finally:
        child.kill()
        child.communicate()
