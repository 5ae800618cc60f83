"""Reports of the window about failing RPC workers.

Run: `python -m tests.benchmarks.worker_faults [ROUNDS]`. The address leads nowhere, to a web
server, to garbage, to silence, or to a worker that is killed during a reply. Seconds are the worst
of all rounds, until the report: from the load (which looks for workers after two seconds), or from
the kill.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from app.gui.services.engine import EngineFailed, EngineReady
from tests.processes.working import nobody, peer, working
from tests.support.engine.engine_faults import Client, prepare_home

_ROUNDS = 10
_SOON_SECONDS = 5.0
_HEAD = f"{'worker':<14}{'times':>6}{'in 5 s':>8}{'worst':>8}{'in words':>10}{'works again':>13}"


@contextmanager
def _absent() -> Iterator[str]:
    yield nobody()


_OTHERS = {
    "absent": _absent,
    "web server": lambda: peer(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"),
    "garbage": lambda: peer(os.urandom(4096)),
    "silent": lambda: peer(None),
}


def main() -> None:
    """Print a table."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else _ROUNDS
    from PySide6.QtWidgets import QApplication

    application = QApplication(sys.argv[:1])
    with tempfile.TemporaryDirectory() as name:
        os.environ["GRISTMILL_HOME"] = name
        model = prepare_home(Path(name))
        client = Client(application, model)
        print(_HEAD)
        for worker, other in _OTHERS.items():
            _try(client, worker, rounds, lambda other=other: _is_none(client, other))
        _try(client, "killed", rounds, lambda: _is_killed(client))
        client.close()


def _try(client: Client, name: str, rounds: int, fail: Callable[[], tuple[float, bool]]) -> None:
    seen = []
    again = 0
    for _ in range(rounds):
        seen.append(fail())
        client.use_workers()
        client.be_ready()
        client.ask()
        client.wait_until(lambda: bool(client.text) or client.ended is not None)
        client.session.stop()
        again += bool(client.text)
    soon = sum(seconds < _SOON_SECONDS for seconds, _ in seen)
    worst = max(seconds for seconds, _ in seen)
    told = sum(in_words for _, in_words in seen)
    print(f"{name:<14}{rounds:>6}{soon:>8}{worst:>8.2f}{told:>10}{again:>13}", flush=True)


def _is_none(client: Client, other: Callable[[], object]) -> tuple[float, bool]:
    with other() as address:
        client.use_workers(address)
        began = time.monotonic()
        client.load()
        client.wait_until(lambda: isinstance(client.engine.state, EngineFailed))
    assert isinstance(client.engine.state, EngineFailed)
    said = client.engine.state.sentence
    return client.failed - began, f"There is no worker at {address}" in said


def _is_killed(client: Client) -> tuple[float, bool]:
    with working() as (worker, address):
        client.use_workers(address)
        while not client.bring_to("prompt"):
            pass
        assert isinstance(client.engine.state, EngineReady)
        assert client.engine.state.server.gpu_layers > 0
        killed = time.monotonic()
        worker.process.kill()
        message = client.reply()
    return time.monotonic() - killed, "was lost" in message.reason


if __name__ == "__main__":
    main()
