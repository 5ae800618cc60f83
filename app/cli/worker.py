"""`gristmill worker`: lend this machine's devices to a Gristmill elsewhere, over ggml's RPC."""

from __future__ import annotations

import argparse
import socket
import threading

from app.cli.network import add_host_arguments, require_confirmed
from app.cli.values import port_number, positive
from app.core.errors import AppError, ErrorCode
from app.core.events import Listening
from app.jobs.reporter import Reporter
from app.machine.cores import listens_at, usable_threads

NAME = "worker"
HELP = "Lend this machine's processor or graphics card to a model that is served elsewhere."
_LOOK_SECONDS = 0.02
_RISK = "ggml's protocol has no password: whoever reaches it may use, and crash, the worker"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--port", type=port_number, default=0, help="default: a free one")
    add_host_arguments(parser)
    parser.add_argument("--threads", type=positive, metavar="N", help="default: all cores")


def run(arguments: argparse.Namespace, reporter: Reporter) -> None:
    """Work until stopped."""
    from app.native.rpc import work

    require_confirmed(arguments, _RISK)
    host = arguments.host
    port = _free_port(host, arguments.port)
    # Python hears of Ctrl+C only in this thread, and not while it is in ggml's own code.
    ended = threading.Event()

    def work_to_the_end() -> None:
        work(host, port, arguments.threads or usable_threads())
        ended.set()

    threading.Thread(target=work_to_the_end, daemon=True).start()
    # ggml does not tell when it listens.
    while not listens_at(port) and not ended.wait(_LOOK_SECONDS):
        pass
    if not ended.is_set():
        reporter.report(Listening(f"{host}:{port}"))
    ended.wait()
    raise AppError(ErrorCode.PORT_IN_USE, port=port)


def _free_port(host: str, port: int) -> int:
    try:
        with socket.socket() as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind((host, port))
            free: int = tried.getsockname()[1]
    except OSError as error:
        raise AppError(ErrorCode.PORT_IN_USE, port=port) from error
    return free
