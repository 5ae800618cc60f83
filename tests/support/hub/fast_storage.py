"""Storage that is fast, for benchmarks: `python -m tests.support.hub.fast_storage FOLDER`.

Sends files with sendfile from a process of its own, whole or in ranges, as slowly as asked for.
"""

from __future__ import annotations

import argparse
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

_PIECE_BYTES = 2**20
_TICKS_PER_SECOND = 50
_RANGE = re.compile(r"^range: bytes=(\d+)-(\d*)", re.IGNORECASE | re.MULTILINE)
_ROOT = Path(__file__).parents[3]


@dataclass(frozen=True)
class Pace:
    """How long each response takes to begin, and the speed of a connection; 0 is no limit."""

    delay_seconds: float = 0.0
    bytes_per_second: int = 0


@contextmanager
def fast_storage(folder: Path, pace: Pace = Pace()) -> Iterator[str]:
    """Serve the files of `folder` from another process; gives the address."""
    command = [sys.executable, "-m", "tests.support.hub.fast_storage", str(folder)]
    command += [f"--delay={pace.delay_seconds}", f"--rate={pace.bytes_per_second}"]
    with subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE) as server:
        assert server.stdout
        try:
            yield server.stdout.readline().decode().strip()
        finally:
            server.kill()


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--delay", type=float, default=0.0)
    parser.add_argument("--rate", type=int, default=0)
    given = parser.parse_args()
    pace = Pace(given.delay, given.rate)
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        print(f"http://127.0.0.1:{server.getsockname()[1]}", flush=True)
        while True:
            connection, _ = server.accept()
            threading.Thread(
                target=_serve, args=(connection, given.folder, pace), daemon=True
            ).start()


def _serve(connection: socket.socket, folder: Path, pace: Pace) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with connection, suppress(OSError):
        while request := _read_request(connection):
            time.sleep(pace.delay_seconds)
            _answer(connection, folder, request, pace)


def _read_request(connection: socket.socket) -> str:
    received = b""
    while b"\r\n\r\n" not in received:
        if not (piece := connection.recv(65536)):
            return ""
        received += piece
    return received.decode()


def _answer(connection: socket.socket, folder: Path, request: str, pace: Pace) -> None:
    method, address, _ = request.split(" ", 2)
    file = folder / unquote(urlsplit(address).path).rpartition("/")[2]
    if not file.is_file():
        connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        return
    size_bytes = file.stat().st_size
    asked = _RANGE.search(request)
    start = int(asked[1]) if asked else 0
    end = min(int(asked[2]) + 1, size_bytes) if asked and asked[2] else size_bytes
    head = f"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {start}-{end - 1}/{size_bytes}"
    if asked is None:
        head = "HTTP/1.1 200 OK"
    head += f"\r\nContent-Length: {end - start}\r\nAccept-Ranges: bytes"
    connection.sendall(f'{head}\r\nETag: "{size_bytes}"\r\n\r\n'.encode())
    if method == "GET":
        _send(connection, file, start, end, pace)


def _send(connection: socket.socket, file: Path, start: int, end: int, pace: Pace) -> None:
    began, first = time.monotonic(), start
    most = pace.bytes_per_second // _TICKS_PER_SECOND or _PIECE_BYTES
    with file.open("rb") as content:
        while start < end:
            start += os.sendfile(
                connection.fileno(), content.fileno(), start, min(most, end - start)
            )
            if pace.bytes_per_second:
                due = began + (start - first) / pace.bytes_per_second
                time.sleep(max(0.0, due - time.monotonic()))


if __name__ == "__main__":
    main()
