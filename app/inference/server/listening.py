"""Open the server's socket, and determine its addresses and host names."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator

import psutil

from app.core.addresses import LOOPBACK, bracketed
from app.core.errors import AppError, ErrorCode

_NAMES_OF_LOOPBACK = (LOOPBACK, "localhost")


def listen(host: str, port: int) -> socket.socket:
    """Return a socket listening on an IP address; port 0 picks a free one.

    Raises:
        AppError: `port_in_use`, `address_unusable`.
    """
    address = _address_of(host)
    is_old = isinstance(address, ipaddress.IPv4Address)
    family = socket.AF_INET if is_old else socket.AF_INET6
    # With the protocol named, asyncio sets TCP_NODELAY: without it each piece is delayed by 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
    else:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((str(address), port))
        listener.listen()
    except (OSError, OverflowError) as error:
        listener.close()
        if not address.is_loopback and not address.is_unspecified and not _is_own(str(address)):
            raise _unusable(host) from error
        raise AppError(ErrorCode.PORT_IN_USE, port=port) from error
    return listener


def served_hosts(listener: socket.socket) -> frozenset[str]:
    """Return the allowed Host headers: only this machine's own names and addresses.

    A request from a foreign web page has that page's host there, even if its name resolves here.
    """
    host, port = listener.getsockname()[:2]
    return frozenset(f"{bracketed(name).lower()}:{port}" for name in _names_of(host))


def own_address(listener: socket.socket) -> str:
    """Return `host:port` for this machine's programs: loopback if the server listens there."""
    host, port = listener.getsockname()[:2]
    is_everywhere = ipaddress.ip_address(host).is_unspecified
    return f"{LOOPBACK if is_everywhere else bracketed(host)}:{port}"


def network_address(listener: socket.socket) -> str:
    """Return `host:port` for other machines; empty if they can't reach the server."""
    host, port = listener.getsockname()[:2]
    address = ipaddress.ip_address(host)
    if address.is_loopback:
        return ""
    outer = next(_outer_addresses(), "") if address.is_unspecified else host
    return f"{bracketed(outer)}:{port}" if outer else ""


def _address_of(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    try:
        return ipaddress.ip_address(LOOPBACK if host == "localhost" else host)
    except ValueError as error:
        raise _unusable(host) from error


def _names_of(host: str) -> Iterator[str]:
    address = ipaddress.ip_address(host)
    yield from _NAMES_OF_LOOPBACK
    yield host
    if address.is_loopback:
        return
    yield from (socket.gethostname(), f"{socket.gethostname()}.local")
    if address.is_unspecified:
        yield from _outer_addresses()


def _outer_addresses() -> Iterator[str]:
    for addresses in psutil.net_if_addrs().values():
        for address in addresses:
            text = address.address.partition("%")[0]
            is_internet = address.family in (socket.AF_INET, socket.AF_INET6)
            if is_internet and not ipaddress.ip_address(text).is_loopback:
                yield text


def _is_own(host: str) -> bool:
    return host in set(_outer_addresses())


def _unusable(host: str) -> AppError:
    return AppError(ErrorCode.ADDRESS_UNUSABLE, address=host)
