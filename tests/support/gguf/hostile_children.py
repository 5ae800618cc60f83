"""Files loaded by `serve` in separate children to generate one token.

If the system allows, children are forked from a server that has imported the program already; from
there on, each does exactly what `gristmill serve FILE --events` does.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess, SpawnProcess
from pathlib import Path

import httpx2

from app.core.errors import ErrorCode
from app.core.event_lines import decode_event
from app.core.events import Failed, Ready
from app.core.sentences import describe_error
from app.jobs.launch import child_environment
from app.jobs.outcome import ProcessOutcome

MOST_SECONDS = 10
LOADED, DIED, LATE, UNNAMED = "loaded", "engine died", "too late", "no reason"
_CAN_FORK = "forkserver" in multiprocessing.get_all_start_methods()
_CONTEXT = multiprocessing.get_context("forkserver" if _CAN_FORK else "spawn")
_CONTEXT.set_forkserver_preload(
    ["__main__", __name__, "app.cli.main", "app.library.index", "app.gguf_file.validation"]
    + [f"app.inference.{module}" for module in ("probe", "prompt", "reply", "server", "worker")]
)
_Process = ForkServerProcess | SpawnProcess


@dataclass(frozen=True)
class End:
    """The outcome for a file: one of the words above or an error code, and the reason."""

    kind: str
    reason: str
    seconds: float


def serve_once(path: Path, most_seconds: float = MOST_SECONDS) -> End:
    """Load `path` as `serve` does, and generate one token; kill the child after the time limit.

    The limit excludes the imports.
    """
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "log")
        with _started(path, log, most_seconds) as (child, events):
            try:
                kind, reason = _follow(events)
            except (EOFError, httpx2.TransportError):
                child.join()
                kind, reason = _death_of(child, log)
    seconds = time.monotonic() - began
    return End(LATE if seconds > most_seconds else kind, reason, seconds)


@contextmanager
def _started(path: Path, log: Path, most_seconds: float) -> Iterator[tuple[_Process, Connection]]:
    events, its_events = _CONTEXT.Pipe(duplex=False)
    its_lifeline, lifeline = _CONTEXT.Pipe(duplex=False)
    arguments = (str(path), os.environ["GRISTMILL_HOME"], its_lifeline, its_events, str(log))
    child = _CONTEXT.Process(target=_serve, args=arguments, daemon=True)
    child.start()
    its_events.close()
    its_lifeline.close()
    watch = threading.Timer(most_seconds, child.kill)
    watch.start()
    try:
        yield child, events
    finally:
        watch.cancel()
        child.kill()
        child.join()
        child.close()
        events.close()
        lifeline.close()


def _serve(path: str, home: str, lifeline: Connection, events: Connection, log: str) -> None:
    from app.cli.main import run_command_line

    os.environ.update(child_environment("serve"), GRISTMILL_HOME=home)
    os.dup2(lifeline.fileno(), 0)
    os.dup2(events.fileno(), 1)
    os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT), 2)
    events.close()
    lifeline.close()
    sys.exit(run_command_line(["serve", "--events", path]))


def _follow(events: Connection) -> tuple[str, str]:
    with os.fdopen(os.dup(events.fileno()), "rb") as lines:
        for line in lines:
            match decode_event(line):
                case Ready() as ready:
                    return _ask(ready)
                case Failed(code, details):
                    return _named(code, describe_error(code, details))
    raise EOFError


def _ask(ready: Ready) -> tuple[str, str]:
    body = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1}
    headers = {"Authorization": f"Bearer {ready.key}"}
    with httpx2.Client(
        base_url=ready.url, headers=headers, timeout=None, trust_env=False
    ) as client:
        response = client.post("/v1/chat/completions", json=body)
    match response.json():
        case {"choices": [_]}:
            return LOADED, ""
        case {"error": {"code": str(code), "message": str(message)}}:
            return _named(ErrorCode(code), message)
    return UNNAMED, response.text


def _named(code: ErrorCode, sentence: str) -> tuple[str, str]:
    return (UNNAMED if code is ErrorCode.INTERNAL else code.value), sentence


def _death_of(child: _Process, log: Path) -> tuple[str, str]:
    outcome = ProcessOutcome.from_returncode(child.exitcode or 0)
    words = outcome.describe(log.read_text("utf-8", "replace").splitlines())
    return (DIED if outcome.has_crashed else UNNAMED), words
