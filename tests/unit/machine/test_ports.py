"""Facts about this process."""

from __future__ import annotations

import socket

from app.machine.ports import is_listening


def test_a_port_is_listened_at_from_the_moment_that_others_may_connect() -> None:
    with socket.socket() as waiting:
        waiting.bind(("127.0.0.1", 0))
        port = waiting.getsockname()[1]
        assert not is_listening(port)
        waiting.listen()
        assert is_listening(port)
        with socket.create_connection(("127.0.0.1", port)) as connection:
            assert not is_listening(connection.getsockname()[1])
    assert not is_listening(port)
