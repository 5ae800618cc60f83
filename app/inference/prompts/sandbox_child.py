"""The child process that renders templates: reads lines of JSON, and writes one for each.

The first line is a `TemplateSetup`, each further one a `ChatInput`.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
from typing import NoReturn

import msgspec

from app.inference.prompts.rendering import (
    ChatInput,
    Failure,
    Outcome,
    Renderer,
    TemplateSetup,
    TemplateSupport,
    reason_of,
)

ALLOWED_BYTES = 256 * 2**20
# A conversation is in memory several times: as JSON, as text, masked, rendered.
MEMORY_FACTOR = 16
READY = b"ready\n"
_MAX_SECONDS = 30


def answer_until_closed() -> NoReturn:
    """Answer until standard input closes."""
    lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    # A separate thread notices the parent's end even while a template runs.
    threading.Thread(target=_read, args=(lines,), daemon=True).start()
    with os.fdopen(os.dup(1), "wb", buffering=0) as pipe:
        _write(pipe.fileno(), READY)
        renderer: Renderer | None = None
        while True:
            line = lines.get()
            _limit(ALLOWED_BYTES + MEMORY_FACTOR * len(line))
            outcome: Outcome | TemplateSupport
            if renderer is None:
                try:
                    renderer = Renderer(msgspec.json.decode(line, type=TemplateSetup))
                    outcome = renderer.support()
                except Exception as error:  # noqa: BLE001 - a template is a program
                    outcome = Failure(reason_of(error))
            else:
                outcome = renderer.render(msgspec.json.decode(line, type=ChatInput), len(line))
            _write(pipe.fileno(), msgspec.json.encode(outcome) + b"\n")


def _read(lines: queue.SimpleQueue[bytes]) -> None:
    for line in os.fdopen(os.dup(0), "rb"):
        lines.put(line)
    os._exit(0)


def _write(pipe: int, content: bytes) -> None:
    while content:
        content = content[os.write(pipe, content) :]


def _limit(more_bytes: int) -> None:
    """Limit how much this process may grow, and its CPU time in case the parent is gone.

    Only Linux enforces such a memory limit. The parent enforces the time, but its end is noticed
    only after the current operation.
    """
    if sys.platform == "win32":
        return
    import resource

    times = resource.getrusage(resource.RUSAGE_SELF)
    seconds = int(times.ru_utime + times.ru_stime) + _MAX_SECONDS
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, resource.RLIM_INFINITY))
    if sys.platform == "linux":
        with open("/proc/self/statm", "rb") as file:  # noqa: PTH123 - for every conversation
            used = int(file.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + more_bytes, resource.RLIM_INFINITY))
