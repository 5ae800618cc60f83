"""Recovery of the window from 200 faults of the engine.

Run: `python -m tests.benchmarks.engine_faults [ROUNDS]`. Each fault occurs at each moment: right
after the start, while loading, while processing a prompt, during a reply. The window is the client;
from the prompt on, a plain HTTP client runs next to it. Then the model's file is truncated,
replaced and deleted during a reply. Times are the worst of all rounds, in seconds: from the fault
(for a hung engine from its detection, after 10 s of silence) to the end of the reply, to the end of
the HTTP request, and to the end of the last process.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import psutil

from app.chat.conversation import Message
from app.chat.rows import storable
from app.gui.services.engine import EngineFailed, EngineLoading, EngineReady
from tests.support.engine.engine_faults import FAULTS, MOMENTS, Client, Fault, Moment, prepare_home
from tests.support.engine.tiny_model import write_tiny_model

_ROUNDS = 8
_SOON_SECONDS, _DEATH_SECONDS, _PATIENCE_SECONDS = 1.0, 5.0, 30.0
_HEAD = f"{'fault':<12}{'moment':<8}{'times':>6}{'in 1 s':>8}{'reply':>7}{'HTTP':>7}{'gone':>7}"
_HEAD += f"{'noticed':>9}{'in words':>10}{'kept':>6}{'works again':>13}{'left':>6}"


@dataclass(frozen=True)
class Change:
    """A change to a model's file, the notice that it causes, and the error of the next load."""

    name: str
    make: Callable[[Path], object]
    words: str
    words_at_load: str


def _replace(model: Path) -> None:
    other = write_tiny_model(model.with_name("other.gguf.part"))
    other.replace(model)


_CHANGES = (
    Change(
        "cut short", lambda model: os.truncate(model, 2**16), "changed on disk", "is incomplete"
    ),
    Change("replaced", _replace, "another file replaced it", ""),
    Change("deleted", Path.unlink, "it was deleted or moved", "There is no model"),
)


@dataclass
class Row:
    """The results of one fault at one moment."""

    fault: str
    moment: str
    times: int = 0
    soon: int = 0
    in_words: int = 0
    kept: int = 0
    works_again: int = 0
    left: int = 0
    worst: dict[str, float] = field(default_factory=dict)

    def note(self, name: str, seconds: float) -> None:
        """Keep the worst time."""
        self.worst[name] = max(seconds, self.worst.get(name, 0.0))

    def __str__(self) -> str:
        times = "".join(
            f"{self.worst[name]:>{width}.2f}" if name in self.worst else " " * width
            for name, width in (("reply", 7), ("HTTP", 7), ("gone", 7), ("noticed", 9))
        )
        return (
            f"{self.fault:<12}{self.moment:<8}{self.times:>6}{self.soon:>8}{times}"
            f"{self.in_words:>10}{self.kept:>6}{self.works_again:>13}{self.left:>6}"
        )


class Bystander(threading.Thread):
    """A program that reads an endless reply over plain HTTP."""

    def __init__(self, url: str, key: str) -> None:
        super().__init__(daemon=True)
        self._options = {"base_url": url, "headers": {"Authorization": f"Bearer {key}"}}
        self.broke = float("inf")
        self.start()

    def run(self) -> None:
        """Read until the connection breaks."""
        body = {"prompt": "The mill", "stream": True, "logit_bias": {"2": -100}}
        options = self._options | {"timeout": 60, "trust_env": False}
        try:
            with (
                httpx2.Client(**options) as client,
                client.stream("POST", "/v1/completions", json=body) as response,
            ):
                for _ in response.iter_lines():
                    pass
        except httpx2.TransportError:
            self.broke = time.monotonic()


def main() -> None:
    """Print the table."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else _ROUNDS
    from PySide6.QtWidgets import QApplication

    application = QApplication(sys.argv[:1])
    with tempfile.TemporaryDirectory() as name:
        os.environ["GRISTMILL_HOME"] = name
        model = prepare_home(Path(name))
        os.environ["PYTHONPATH"] = str(Path(name) / "site")
        client = Client(application, model)
        print(_HEAD)
        rows = [_struck(client, fault, moment, rounds) for fault, moment in _cases()]
        rows += [_changed(client, change, rounds) for change in _CHANGES]
        client.close()
    total = sum(row.times for row in rows)
    print(f"{total} faults, {sum(row.soon for row in rows)} ended within a second, ", end="")
    print(f"{sum(row.in_words for row in rows)} reported with a reason, ", end="")
    print(f"{sum(row.works_again for row in rows)} with a reply after the next load")


def _cases() -> list[tuple[Fault, Moment]]:
    # ggml's abort needs ggml.
    return [
        (fault, moment)
        for fault in FAULTS
        for moment in MOMENTS
        if (fault.name, moment) != ("ggml_abort", "start")
    ]


def _struck(client: Client, fault: Fault, moment: Moment, rounds: int) -> Row:
    row = Row(fault.name, moment)
    while row.times < rounds:
        bystander = _bystander(client) if moment in ("prompt", "stream") else None
        if not client.bring_to(moment):
            continue
        processes = client.processes()
        struck = time.monotonic()
        os.kill(client.engine.process_id, fault.signal)
        message = client.reply()
        ended = time.monotonic()
        client.wait_until(lambda: isinstance(client.engine.state, EngineFailed))
        if message.state == "complete":
            # The reply was faster than the fault.
            continue
        row.note("noticed", client.failed - struck)
        noticed = client.failed if fault.signal is signal.SIGSTOP else struck
        row.times += 1
        row.in_words += re.search(fault.words, message.reason) is not None
        row.kept += _is_kept(client, message)
        row.left += _left(client, row, noticed, processes)
        seconds = [ended - noticed]
        row.note("reply", seconds[0])
        if bystander is not None:
            bystander.join(_PATIENCE_SECONDS)
            seconds.append(bystander.broke - noticed)
            row.note("HTTP", seconds[1])
        row.soon += max(seconds) < _SOON_SECONDS
        row.works_again += _works_again(client)
    print(row, flush=True)
    return row


def _bystander(client: Client) -> Bystander:
    client.be_ready()
    assert isinstance(client.engine.state, EngineReady)
    return Bystander(client.engine.state.server.url, client.engine.state.server.key)


def _is_kept(client: Client, message: Message) -> bool:
    question, reply = client.chats.messages(message.chat)
    return bool(question.text) and reply.text == storable(client.text) and reply.state == "failed"


def _left(client: Client, row: Row, noticed: float, processes: set[psutil.Process]) -> int:
    """Count the engine's processes that are still running after some seconds."""
    deadline = time.monotonic() + _DEATH_SECONDS
    client.wait_until(lambda: not any(map(_runs, processes)) or time.monotonic() > deadline)
    row.note("gone", time.monotonic() - noticed)
    return sum(map(_runs, processes))


def _runs(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def _works_again(client: Client) -> bool:
    client.be_ready()
    client.ask()
    client.wait_until(lambda: bool(client.text) or client.ended is not None)
    client.session.stop()
    return bool(client.text) and client.reply().state in ("stopped", "complete")


def _changed(client: Client, change: Change, rounds: int) -> Row:
    """Change the model's file during a reply, then load the result."""
    row = Row(change.name, "stream")
    content = client.model.read_bytes()
    while row.times < rounds:
        client.notices.clear()
        if not client.bring_to("stream"):
            continue
        processes = client.processes()
        struck = time.monotonic()
        change.make(client.model)
        client.wait_until(
            lambda: bool(client.notices) or isinstance(client.engine.state, EngineFailed)
        )
        row.times += 1
        row.note("noticed", time.monotonic() - struck)
        row.soon += time.monotonic() - struck < _SOON_SECONDS
        client.session.stop()
        message = client.reply()
        said = " ".join([*client.notices, message.reason])
        client.engine.unload()
        row.left += _left(client, row, time.monotonic(), processes)
        row.in_words += change.words in said and change.words_at_load in _words_at_load(client)
        row.kept += client.chats.messages(message.chat)[-1].text == storable(client.text)
        client.model.write_bytes(content)
        row.works_again += _works_again(client)
    print(row, flush=True)
    return row


def _words_at_load(client: Client) -> str:
    client.engine.load(str(client.model), "tiny")
    client.wait_until(lambda: not isinstance(client.engine.state, EngineLoading))
    state = client.engine.state
    client.engine.unload()
    return state.sentence if isinstance(state, EngineFailed) else ""


if __name__ == "__main__":
    main()
