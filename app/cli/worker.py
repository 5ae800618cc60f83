"""`gristmill worker`: offer this machine's devices to a remote Gristmill through ggml's RPC."""

from __future__ import annotations

import argparse
import socket
import threading

from app.cli.network import add_host_arguments, require_confirmed
from app.cli.values import port_number, thread_count
from app.core.errors import AppError, ErrorCode
from app.core.events import Listening
from app.core.language import tr
from app.jobs.reporter import Reporter
from app.machine.cores import usable_threads
from app.machine.ports import is_listening

NAME = "worker"
HELP = tr("Offer this machine's CPU or GPU to a model that is served on another machine.")
_POLL_SECONDS = 0.02
_RISK = tr("ggml's RPC has no password: anyone who can reach the worker can use or crash it")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--port", type=port_number, default=0, help=tr("default: any free port"))
    add_host_arguments(parser)
    parser.add_argument("--threads", type=thread_count, metavar="N", help=tr("default: all cores"))


def run(arguments: argparse.Namespace, reporter: Reporter) -> None:
    """Serve until stopped.

    Raises:
        AppError: `network_unconfirmed`, `port_in_use`.
    """
    from app.native.rpc import serve_devices

    require_confirmed(arguments, _RISK)
    host = arguments.host
    port = _free_port(host, arguments.port)
    # Python handles Ctrl+C only in the main thread, and not while that runs ggml's code.
    ended = threading.Event()

    def serve_requests() -> None:
        serve_devices(host, port, arguments.threads or usable_threads())
        ended.set()

    threading.Thread(target=serve_requests, daemon=True).start()
    # ggml doesn't report when it starts to listen.
    while not is_listening(port) and not ended.wait(_POLL_SECONDS):
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
