"""Prompt for a secret, or receive it from the parent over the pipe."""

from __future__ import annotations

import getpass
import signal
import sys

from app.core.errors import Canceled
from app.jobs import lifeline


def ask_secret(prompt: str, *, from_parent: bool) -> str:
    """Return a secret: typed without echo at a terminal, else read as a line from standard input.

    Raises:
        Canceled: Ctrl+C.
    """
    if from_parent:
        return lifeline.receive_secret()
    if not sys.stdin.isatty():
        return sys.stdin.readline()
    # Ctrl+C must raise inside getpass, so that it turns the terminal's echo back on.
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return getpass.getpass(prompt)
    except (EOFError, KeyboardInterrupt) as error:
        raise Canceled from error
