"""Run a model's chat template in a process with limits on time and memory.

A template is a program from an untrusted file: nested `{% for %}` never ends, `'a' * 10 ** 9` fills
the memory, and comparing two lists that contain themselves a few dozen times takes forever inside a
single Python operation. Counting loops and guarding operators within the engine's process would
miss such operations, or would have to forbid methods and filters that templates use; and while one
runs, nothing else in the process does. So templates run in a separate process: it has two seconds
of CPU time and 256 MB (plus the size of the conversation) for each conversation, and is killed and
restarted if it exceeds them. Wall-clock time means nothing on a busy machine; it ends only a child
that has stopped working. A crash of the child is one more reason to fall back. Calling it costs
well under a millisecond more than rendering in this process. Long conversations have their own
process, so that short ones don't wait for them.

Linux enforces the memory limit itself; on every system it is also watched from here.
"""

from __future__ import annotations

import queue
import threading
import time
from typing import TypeVar

import msgspec
import psutil

from app.core.language import tr
from app.inference.prompts.rendering import (
    ChatInput,
    Failure,
    Outcome,
    TemplateSetup,
    TemplateSupport,
    reason_of,
)
from app.inference.prompts.sandbox_child import ALLOWED_BYTES, MEMORY_FACTOR, READY
from app.jobs.child_process import ChildProcess
from app.jobs.launch import RENDER, child_environment, renderer_command_line

_LIMIT_SECONDS = 2.0
_LIMIT_SECONDS_PER_BYTE = 2e-7
_START_SECONDS = 60.0
_PATIENCE_FACTOR = 30
"""The factor by which a child's wall-clock time may exceed its limit of CPU time."""
_WATCH_SECONDS = 0.02
_LONG_BYTES = 64 * 1024
_OUTCOME = msgspec.json.Decoder[Outcome](Outcome)
_TRIAL = msgspec.json.Decoder[TemplateSupport | Failure](TemplateSupport | Failure)
Answer = TypeVar("Answer")


class TemplateSandbox:
    """Renders conversations with one template; thread-safe."""

    def __init__(self, setup: TemplateSetup) -> None:
        self._short, self._long = _ChildHolder(setup), _ChildHolder(setup)

    def try_out(self) -> TemplateSupport | Failure:
        """Start a child and try the template."""
        return self._short.try_out()

    def render(self, conversation: ChatInput) -> Outcome:
        """Return the prompt for a conversation, or the reason there is none."""
        try:
            line = msgspec.json.encode(conversation) + b"\n"
        except (UnicodeEncodeError, RecursionError) as error:
            return Failure(reason_of(error))
        seat = self._long if len(line) > _LONG_BYTES else self._short
        return seat.render(line)

    def close(self) -> None:
        """End the processes."""
        self._short.close()
        self._long.close()


class _ChildHolder:
    """Holds one child, started on demand; one caller at a time."""

    def __init__(self, setup: TemplateSetup) -> None:
        self._setup = setup
        self._lock = threading.Lock()
        self._child: _Child | None = None

    def try_out(self) -> TemplateSupport | Failure:
        with self._lock:
            return self._start()

    def render(self, line: bytes) -> Outcome:
        with self._lock:
            if self._child is None and isinstance(outcome := self._start(), Failure):
                return outcome
            return self._ask(line, _OUTCOME)

    def close(self) -> None:
        with self._lock:
            self._stop()

    def _start(self) -> TemplateSupport | Failure:
        try:
            line = msgspec.json.encode(self._setup) + b"\n"
        except UnicodeEncodeError as error:
            return Failure(reason_of(error))
        self._child = _Child()
        outcome = self._ask(line, _TRIAL)
        if isinstance(outcome, Failure):
            self._stop()
        return outcome

    def _ask(self, line: bytes, decoder: msgspec.json.Decoder[Answer]) -> Answer | Failure:
        assert self._child is not None  # noqa: S101 - started by both callers
        try:
            return decoder.decode(self._child.ask(line))
        except _BeyondLimitError as error:
            self._stop()
            return Failure(str(error))

    def _stop(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child = None


class _BeyondLimitError(Exception):
    """The child exceeded its time or memory, or ended."""


class _Child:
    def __init__(self) -> None:
        self._process = ChildProcess(
            renderer_command_line(), child_environment(RENDER), keeps_log=False
        )
        self._used_bytes: int | None = None

    def ask(self, line: bytes) -> bytes:
        """Send a line and wait for the answer.

        Raises:
            _BeyondLimitError: there is no answer within the limits.
        """
        if self._used_bytes is None:
            if self._await(_START_SECONDS, None) != READY:
                raise _BeyondLimitError(tr("the process that renders it did not start"))
            self._used_bytes = self._memory_bytes()
        # A thread, because writing more than the pipe's 64 kB blocks.
        threading.Thread(target=self._process.send, args=(line,), daemon=True).start()
        return self._await(
            _LIMIT_SECONDS + _LIMIT_SECONDS_PER_BYTE * len(line),
            self._used_bytes + ALLOWED_BYTES + MEMORY_FACTOR * len(line),
        )

    def kill(self) -> None:
        self._process.end()

    def _await(self, seconds: float, max_bytes: int | None) -> bytes:
        """Return the next line; `seconds` is CPU time."""
        used = self._cpu_seconds()
        given_up = time.monotonic() + _PATIENCE_FACTOR * seconds
        while self._cpu_seconds() - used <= seconds and time.monotonic() < given_up:
            try:
                line = self._process.lines.get(timeout=_WATCH_SECONDS)
            except queue.Empty:
                if max_bytes is not None and self._memory_bytes() > max_bytes:
                    raise _BeyondLimitError(tr("it needs too much memory")) from None
                continue
            if not line:
                raise _BeyondLimitError(tr("it crashed the process that renders it"))
            return line
        raise _BeyondLimitError(
            tr("it takes longer than {seconds} seconds", seconds=f"{seconds:.2g}")
        )

    def _cpu_seconds(self) -> float:
        try:
            times = psutil.Process(self._process.process_id).cpu_times()
        except psutil.Error:
            return 0.0
        used: float = times.user + times.system
        return used

    def _memory_bytes(self) -> int:
        try:
            used: int = psutil.Process(self._process.process_id).memory_info().rss
        except psutil.Error:
            return 0
        return used
