"""What people type as an address: the origin of a web page, and a host with a port."""

from __future__ import annotations

import re

_PORT = r":[1-9][0-9]{0,4}"
_HOST = r"(\[[0-9a-f:]+\]|[a-z0-9]([a-z0-9.-]*[a-z0-9])?)"
_ORIGIN = re.compile(rf"https?://{_HOST}({_PORT})?")
_HOST_AND_PORT = re.compile(_HOST + _PORT, re.IGNORECASE)
_LARGEST_PORT = 65_535


def is_web_origin(text: str) -> bool:
    """Whether a browser could send this as the origin of a page, to the letter."""
    return _ORIGIN.fullmatch(text) is not None


def is_host_and_port(text: str) -> bool:
    """Whether this is `host:port`."""
    is_form = _HOST_AND_PORT.fullmatch(text) is not None
    return is_form and int(text.rpartition(":")[2]) <= _LARGEST_PORT
