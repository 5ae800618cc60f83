"""The child that renders templates: lines of JSON come in, and one goes out for each.

The first line is a `Setup`, each further one a `Conversation`.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
from typing import NoReturn

import msgspec

from app.inference.rendering import (
    Conversation,
    Failure,
    Outcome,
    Rendered,
    Renderer,
    Setup,
    reason_of,
)

ALLOWED_BYTES = 256 * 2**20
# A conversation is held several times over: as JSON, as text, masked, rendered.
MEMORY_FACTOR = 16
READY = b"ready\n"


def answer_until_closed() -> NoReturn:
    """Answer until standard input closes."""
    lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    # A thread of its own notices the parent's end also while a template runs.
    threading.Thread(target=_read, args=(lines,), daemon=True).start()
    with os.fdopen(os.dup(1), "wb", buffering=0) as pipe:
        _write(pipe.fileno(), READY)
        renderer: Renderer | None = None
        while True:
            line = lines.get()
            _limit_memory(ALLOWED_BYTES + MEMORY_FACTOR * len(line))
            outcome: Outcome
            if renderer is None:
                try:
                    renderer = Renderer(msgspec.json.decode(line, type=Setup))
                    outcome = Rendered("")
                except Exception as error:  # noqa: BLE001 - a template is a program
                    outcome = Failure(reason_of(error))
            else:
                outcome = renderer.render(msgspec.json.decode(line, type=Conversation), len(line))
            _write(pipe.fileno(), msgspec.json.encode(outcome) + b"\n")


def _read(lines: queue.SimpleQueue[bytes]) -> None:
    for line in os.fdopen(os.dup(0), "rb"):
        lines.put(line)
    os._exit(0)


def _write(pipe: int, content: bytes) -> None:
    while content:
        content = content[os.write(pipe, content) :]


def _limit_memory(more_bytes: int) -> None:
    """Let this process grow by so much and no more; only Linux keeps to such a limit."""
    if sys.platform != "linux":
        return
    import resource

    with open("/proc/self/statm", "rb") as file:  # noqa: PTH123 - read for every conversation
        used = int(file.read().split()[0]) * resource.getpagesize()
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + more_bytes, hard))
