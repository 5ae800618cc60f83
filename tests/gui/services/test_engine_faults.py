"""The engine comes to harm under a reply: what the window says, keeps, and can do then."""

from __future__ import annotations

import os
import re
import sys

import psutil
import pytest

from app.chat.conversation import Message
from app.gui.children import watchdog
from app.gui.services.engine import EngineFailed, EngineReady
from app.native.huge_pages import are_available
from tests.support.engine.engine_faults import FAULTS, Client, Fault, Moment

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the faults are signals")
NAMED = {fault.name: fault for fault in FAULTS}


@pytest.mark.parametrize(
    ("fault", "moment"),
    [
        (NAMED["killed"], "load"),
        (NAMED["ggml_abort"], "prompt"),
        (NAMED["segfault"], "stream"),
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_a_reply_ends_with_its_engine_and_the_next_one_comes(
    client: Client, fault: Fault, moment: Moment
) -> None:
    processes, message = _strike(client, fault, moment)
    # On a busy machine a reply may be over before the engine is struck.
    while message.state == "complete":
        processes, message = _strike(client, fault, moment)
    assert message.state == "failed"
    assert re.search(fault.words, message.reason)
    client.wait_until(lambda: not any(process.is_running() for process in processes))
    client.ask("And now?")
    client.wait_until(lambda: bool(client.text))
    assert isinstance(client.engine.state, EngineReady)


def _strike(client: Client, fault: Fault, moment: Moment) -> tuple[set[psutil.Process], Message]:
    while not client.bring_to(moment):
        pass
    processes = client.processes()
    os.kill(client.engine.process_id, fault.signal)
    return processes, client.reply()


def test_an_engine_that_hangs_is_ended(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog, "_TICKS", 4)
    fault = NAMED["hung"]
    assert client.bring_to("prompt")
    processes = client.processes()
    assert len(processes) > 1
    os.kill(client.engine.process_id, fault.signal)
    message = client.reply()
    assert message.state == "failed"
    assert re.search(fault.words, message.reason)
    client.wait_until(lambda: not any(process.is_running() for process in processes))


def test_an_engine_that_reads_a_long_prompt_does_not_hang(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watchdog, "_TICKS", 4)
    assert client.bring_to("prompt")
    client.wait_until(lambda: bool(client.text) or isinstance(client.engine.state, EngineFailed))
    assert isinstance(client.engine.state, EngineReady)


def test_a_model_cut_short_under_a_reply_is_said(client: Client) -> None:
    content = client.model.read_bytes()
    while not client.bring_to("stream"):
        pass
    os.truncate(client.model, 2**16)
    # A random model may have ended its reply just before.
    if client.reply().state == "complete":
        client.ask()
    client.wait_until(lambda: isinstance(client.engine.state, EngineFailed))
    assert "tiny was changed on disk while it was loaded" in client.engine.state.sentence
    client.engine.load(str(client.model), "tiny")
    client.wait_until(lambda: isinstance(client.engine.state, EngineFailed))
    assert "is incomplete" in client.engine.state.sentence
    client.model.write_bytes(content)
    client.be_ready()


@pytest.mark.skipif(not are_available(), reason="the model is mapped where there are no huge pages")
def test_a_model_that_was_read_goes_on_when_its_file_is_cut_short(client: Client) -> None:
    client.settings.change(memory_map="auto")
    while not client.bring_to("stream"):
        pass
    os.truncate(client.model, 2**16)
    client.wait_until(lambda: bool(client.notices))
    assert "it was truncated" in client.notices[-1]
    so_far = client.text
    # A random model may talk until its context is full.
    client.wait_until(lambda: client.text != so_far or client.ended is not None)
    assert client.ended is None or client.ended.state == "complete"
    assert isinstance(client.engine.state, EngineReady)


def test_a_model_deleted_while_it_is_loaded_is_said(client: Client) -> None:
    client.be_ready()
    client.model.unlink()
    client.wait_until(lambda: bool(client.notices))
    assert "it was deleted or moved" in client.notices[-1]
    client.ask()
    client.wait_until(lambda: bool(client.text))


def test_unloading_ends_the_reply(client: Client) -> None:
    assert client.bring_to("prompt")
    client.engine.unload()
    assert client.reply().reason == "The model was unloaded."


def test_the_loaded_model_is_not_deleted_in_the_window(client: Client) -> None:
    client.be_ready()
    client.ask_to_delete_model()
    assert isinstance(client.engine.state, EngineReady)
    assert client.model.exists()
    assert not client.notices
