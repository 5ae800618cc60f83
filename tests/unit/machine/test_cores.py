"""Facts about this process."""

from __future__ import annotations

import socket

from app.machine.cores import listens_on


def test_a_port_is_listened_at_from_the_moment_that_others_may_connect() -> None:
    with socket.socket() as waiting:
        waiting.bind(("127.0.0.1", 0))
        port = waiting.getsockname()[1]
        assert not listens_on(port)
        waiting.listen()
        assert listens_on(port)
        with socket.create_connection(("127.0.0.1", port)) as connection:
            assert not listens_on(connection.getsockname()[1])
    assert not listens_on(port)
