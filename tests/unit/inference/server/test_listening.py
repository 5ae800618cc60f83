"""The server's socket, and the names under which it may be asked for."""

from __future__ import annotations

import socket

import pytest

from app.core.addresses import LOOPBACK
from app.core.errors import AppError, ErrorCode
from app.inference.server.listening import listen, network_address, own_address, served_hosts


def test_a_port_in_use_is_named() -> None:
    with socket.create_server((LOOPBACK, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(AppError) as raised:
            listen(LOOPBACK, port)
    assert raised.value.code is ErrorCode.PORT_IN_USE
    assert raised.value.details == {"port": port}


def test_a_port_is_free_again_right_after_its_last_connection() -> None:
    with listen(LOOPBACK, 0) as first:
        address = first.getsockname()
        with socket.create_connection(address):
            accepted, _ = first.accept()
            accepted.close()
    with listen(LOOPBACK, address[1]) as second:
        assert second.getsockname() == address


def test_asyncio_can_tell_that_it_is_tcp_and_send_small_pieces_at_once() -> None:
    with listen(LOOPBACK, 0) as listener, socket.create_connection(listener.getsockname()):
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.proto == socket.IPPROTO_TCP


@pytest.mark.parametrize("host", ["mill", "1.2.3.4.5", "", "192.0.2.1", "2001:db8::1"])
def test_an_address_that_is_not_ours_is_named(host: str) -> None:
    with pytest.raises(AppError) as raised:
        listen(host, 0)
    assert raised.value.code is ErrorCode.ADDRESS_UNUSABLE
    assert raised.value.details == {"address": host}


def test_on_loopback_there_are_two_names_and_nothing_for_others() -> None:
    with listen("localhost", 0) as listener:
        port = listener.getsockname()[1]
        assert served_hosts(listener) == {f"127.0.0.1:{port}", f"localhost:{port}"}
        assert own_address(listener) == f"127.0.0.1:{port}"
        assert network_address(listener) == ""


def test_everywhere_means_every_name_of_this_machine_and_no_other() -> None:
    with listen("0.0.0.0", 0) as listener:
        port = listener.getsockname()[1]
        hosts = served_hosts(listener)
        assert own_address(listener) == f"127.0.0.1:{port}"
    own = {f"127.0.0.1:{port}", f"localhost:{port}", f"{socket.gethostname().lower()}:{port}"}
    assert own <= hosts
    assert f"evil.example:{port}" not in hosts
