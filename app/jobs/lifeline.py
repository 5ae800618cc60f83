"""The child's bond with its parent: it stops when told to, and when the parent is gone.

Stopping happens on a thread of its own, so that it works while native code runs on the others;
that is safe at any moment because files are whole or absent (`app.core.files`).
"""

from __future__ import annotations

import ctypes
import os
import queue
import signal
import socket
import sys
import threading
from contextlib import suppress
from typing import NoReturn

import msgspec

from app.core import leftovers
from app.core.events import Begin, Cancel, Secret, decode_command
from app.jobs.outcome import EXIT_CANCELLED

_PR_SET_PDEATHSIG = 1
_INPUT_CLOSED = (
    b"gristmill ends because its standard input was closed. With --events it runs for as long as "
    b"that is open; leave --events out to run it as a service.\n"
)
_secrets: queue.SimpleQueue[str] = queue.SimpleQueue()
_beginnings: queue.SimpleQueue[str] = queue.SimpleQueue()


def stop_on_signals() -> None:
    """Let Ctrl+C and a polite kill end the program at once, also in the middle of native code."""
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: None)
    signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)

    def wait() -> None:
        reader.recv(1)
        writer.close()
        _stop()

    threading.Thread(target=wait, name="signals", daemon=True).start()


def open_closed_streams() -> None:
    """Let standard streams that were closed from the start lead nowhere; files would be them."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            # The lowest number that is free is this one.
            os.open(os.devnull, os.O_RDONLY if number == 0 else os.O_WRONLY)
            setattr(sys, name, os.fdopen(number, "r" if number == 0 else "w", closefd=False))


def follow_parent() -> None:
    """Obey the parent's commands on standard input; leave when it closes, the parent being gone."""
    _die_with_parent()
    _leave_no_core()
    # A copy: a thread that reads sys.stdin itself aborts the interpreter at its end.
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
                        _beginnings.put(value)
            except msgspec.DecodeError:
                continue
        # A parent that is gone reads no log; who started it otherwise is to know why it ends.
        with suppress(OSError):
            os.write(2, _INPUT_CLOSED)
        _stop()

    threading.Thread(target=listen, name="lifeline", daemon=True).start()


def receive_secret() -> str:
    """Wait for the value that the parent sends over the pipe."""
    return _secrets.get()


def receive_beginning() -> str:
    """Wait until the parent says what the work is about."""
    return _beginnings.get()


def leave(status: int) -> NoReturn:
    """End the process at once with an exit status, after what was printed has gone out.

    To take apart what the converter imports takes Python half a second.
    """
    for stream in (sys.stdout, sys.stderr):
        # A program without a console has none.
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(status)


def _stop() -> NoReturn:
    leftovers.remove_unfinished()
    os._exit(EXIT_CANCELLED)


def _die_with_parent() -> None:
    if sys.platform != "linux":
        return
    parent = os.getppid()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        _stop()


def _leave_no_core() -> None:
    """Write no image of the memory at a crash: until that is done, the parent hears of nothing."""
    if sys.platform == "win32":
        return
    import resource

    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, most))
