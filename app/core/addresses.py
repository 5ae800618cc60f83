"""Checks of addresses: web origins, hosts with ports, loopback."""

from __future__ import annotations

import ipaddress
import re

LOOPBACK = "127.0.0.1"
_PORT = r":[1-9][0-9]{0,4}"
_HOST = r"(\[[0-9a-f:]+\]|[a-z0-9]([a-z0-9.-]*[a-z0-9])?)"
_ORIGIN = re.compile(rf"https?://{_HOST}({_PORT})?")
_HOST_AND_PORT = re.compile(_HOST + _PORT, re.IGNORECASE)
_LARGEST_PORT = 65_535


def is_web_origin(text: str) -> bool:
    """Return whether this is exactly an origin as browsers send it."""
    return _ORIGIN.fullmatch(text) is not None


def is_host_and_port(text: str) -> bool:
    """Return whether this is `host:port`."""
    is_form = _HOST_AND_PORT.fullmatch(text) is not None
    return is_form and int(text.rpartition(":")[2]) <= _LARGEST_PORT


def is_loopback(host: str) -> bool:
    """Return whether a host is a loopback address: this machine, unreachable from others."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def bracketed(host: str) -> str:
    """Return a host as written before a port, with an IPv6 address in brackets."""
    return f"[{host}]" if ":" in host else host
