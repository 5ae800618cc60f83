"""Ask the process that computes gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import msgspec

from app.core.errors import AppError, ErrorCode
from app.core.event_lines import decode_event
from app.core.events import Event, Failed, Progressed
from app.core.files import temporary_folder
from app.jobs.child_process import ChildProcess
from app.jobs.launch import child_environment, command_line
from app.jobs.outcome import ProcessOutcome
from app.sensitivity.requests import GradientRequest

VERB = "measure-gradients"
Answer = TypeVar("Answer")
_END_SECONDS = 60
_ALLOCATOR = {"MALLOC_MMAP_THRESHOLD_": str(2**20)}
"""Makes glibc return the memory of each tensor, which it would keep for pieces of others."""


def ask(request: GradientRequest, kind: type[Answer], report: Callable[[Event], None]) -> Answer:
    """Return the answer to a request; progress is reported meanwhile.

    Raises:
        AppError: what the process failed with; `gradients_unavailable` if it crashed.
    """
    with temporary_folder() as folder:
        asked, answered = folder / "request", folder / "answer"
        asked.write_bytes(msgspec.msgpack.encode(request))
        command = command_line(VERB, str(asked), str(answered))
        # torch makes this folder when it is imported, and leaves it.
        cache = {"TORCHINDUCTOR_CACHE_DIR": str(folder / "compiled")}
        with ChildProcess(command, child_environment(VERB) | _ALLOCATOR | cache) as child:
            for line in child.remaining_lines():
                _relay(decode_event(line), report)
            status = child.wait(_END_SECONDS)
        if status != 0:
            outcome = ProcessOutcome.from_returncode(1 if status is None else status)
            raise AppError(ErrorCode.GRADIENTS_UNAVAILABLE, reason=outcome.describe())
        return msgspec.msgpack.decode(answered.read_bytes(), type=kind)


def _relay(event: Event, report: Callable[[Event], None]) -> None:
    if isinstance(event, Failed):
        raise AppError(event.code, **event.details)
    if isinstance(event, Progressed):
        report(event)
