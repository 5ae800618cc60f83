"""Lifeline between child and parent: the child stops on request, and when the parent is gone.

It stops on a separate thread, so that it works while native code runs on the others; that is safe
at any moment because files are complete or absent (`app.core.files`).
"""

from __future__ import annotations

import ctypes
import os
import queue
import signal
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

import msgspec

from app.core import leftovers
from app.core.event_lines import decode_command
from app.core.events import Begin, Cancel, Secret
from app.core.hub_events import HubRequest
from app.core.language import tr
from app.jobs.outcome import EXIT_CANCELED

_PR_SET_PDEATHSIG = 1
_INPUT_CLOSED = tr(
    "gristmill stops because its standard input was closed. With --events it runs only while that "
    "is open; leave --events out to run it as a service."
)
_LAST_WORD_SECONDS = 1.0
_last_words: list[Callable[[], None]] = []
_secrets: queue.SimpleQueue[str] = queue.SimpleQueue()
_inputs: queue.SimpleQueue[str] = queue.SimpleQueue()
_requests: queue.SimpleQueue[HubRequest] = queue.SimpleQueue()


def stop_on_signals() -> None:
    """Let Ctrl+C and SIGTERM end the program at once, even during native code."""
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: None)
    signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)

    def wait() -> None:
        (number,) = reader.recv(1)
        writer.close()
        if number == signal.SIGINT:
            _say_last_words()
        _stop()

    threading.Thread(target=wait, name="signals", daemon=True).start()


def on_interrupt(say: Callable[[], None]) -> None:
    """Say something when the user presses Ctrl+C."""
    _last_words.append(say)


def open_closed_streams() -> None:
    """Reopen standard streams closed at startup, so that no file takes their descriptors."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            # os.open takes the lowest free number, which is this one.
            os.open(os.devnull, os.O_RDONLY if number == 0 else os.O_WRONLY)
            setattr(sys, name, os.fdopen(number, "r" if number == 0 else "w", closefd=False))


def follow_parent() -> None:
    """Obey the parent's commands on standard input; exit when it closes: the parent is gone."""
    _die_with_parent()
    _disable_core_dumps()
    # A copy: a thread that reads sys.stdin itself would abort the interpreter at exit.
    commands = os.fdopen(os.dup(0), "rb")

    def listen() -> None:
        for line in commands:
            try:
                match decode_command(line):
                    case Cancel():
                        _stop()
                    case Secret(value):
                        _secrets.put(value)
                    case Begin(value):
                        _inputs.put(value)
                    case HubRequest() as request:
                        _requests.put(request)
            except msgspec.DecodeError:
                continue
        # A dead parent reads no log, but whoever started it otherwise should know why it stops.
        with suppress(OSError):
            os.write(2, f"{_INPUT_CLOSED}\n".encode())
        _stop()

    threading.Thread(target=listen, name="lifeline", daemon=True).start()


def receive_secret() -> str:
    """Wait for the secret that the parent sends over the pipe."""
    return _secrets.get()


def receive_input() -> str:
    """Wait for the parent to send the input of the work (`Begin`)."""
    return _inputs.get()


def receive_request() -> HubRequest:
    """Wait for the parent's next request to the Hub."""
    return _requests.get()


def exit_now(status: int) -> NoReturn:
    """Flush the output and end the process at once with an exit status.

    Python's regular shutdown takes half a second with the converter's imports.
    """
    for stream in (sys.stdout, sys.stderr):
        # A program without a console has no streams.
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(status)


def _say_last_words() -> None:
    # A terminal or pipe that takes no more must not keep the program from ending.
    for say in _last_words:
        thread = threading.Thread(target=say, name="last words", daemon=True)
        thread.start()
        thread.join(_LAST_WORD_SECONDS)


def _stop() -> NoReturn:
    leftovers.remove_unfinished()
    os._exit(EXIT_CANCELED)


def _die_with_parent() -> None:
    if sys.platform != "linux":
        return
    parent = os.getppid()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        _stop()


def _disable_core_dumps() -> None:
    """Disable core dumps: the parent would learn of a crash only after the dump."""
    if sys.platform == "win32":
        return
    import resource

    _, limit = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, limit))
