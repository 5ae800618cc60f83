"""The server's socket."""

from __future__ import annotations

import socket

import pytest

from app.core.errors import AppError, ErrorCode
from app.inference.server import LOOPBACK, listen


def test_a_taken_port_is_named() -> None:
    with socket.create_server((LOOPBACK, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(AppError) as raised:
            listen(port)
    assert raised.value.code is ErrorCode.PORT_IN_USE
    assert raised.value.facts == {"port": port}


def test_a_port_is_free_again_right_after_its_last_connection() -> None:
    with listen(0) as first:
        address = first.getsockname()
        with socket.create_connection(address):
            accepted, _ = first.accept()
            accepted.close()
    with listen(address[1]) as second:
        assert second.getsockname() == address


def test_asyncio_can_tell_that_it_is_tcp_and_send_small_pieces_at_once() -> None:
    with listen(0) as listener, socket.create_connection(listener.getsockname()):
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.proto == socket.IPPROTO_TCP
