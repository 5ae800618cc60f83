"""A `worker` child for the tests, and others who are none."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from app.core.events import Listening
from tests.support.machine.verbs import Child, started


@contextmanager
def working() -> Iterator[tuple[Child, str]]:
    """A worker and its address."""
    with started("worker", "--threads", "1") as child:
        listening = child.read_until(lambda event: isinstance(event, Listening))
        assert isinstance(listening, Listening)
        yield child, listening.address


@contextmanager
def peer(answer: bytes | None) -> Iterator[str]:
    """Listen on a port like another program: answer with these bytes, or with nothing."""
    held: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def talk() -> None:
            try:
                while True:
                    connection, _ = listener.accept()
                    held.append(connection)
                    if answer is not None:
                        connection.sendall(answer)
                        connection.close()
            except OSError:
                return

        thread = threading.Thread(target=talk)
        thread.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
        for connection in held:
            connection.close()


def nobody() -> str:
    """Return an address without a server."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return f"127.0.0.1:{taken.getsockname()[1]}"
