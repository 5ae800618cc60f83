"""Address of another engine's server, and the origin that its key is for."""

from __future__ import annotations

import ipaddress
from typing import Annotated
from urllib.parse import SplitResult, urlsplit

import msgspec
from msgspec import Meta

from app.core.addresses import bracketed, is_loopback
from app.core.errors import AppError, ErrorCode

_LONGEST_ADDRESS = 1024
_DEFAULT_PORTS = {"http": 80, "https": 443}
_LOCAL_SUFFIXES = (".local", ".lan", ".home.arpa", ".internal")
_API_PATH = "/v1"


class Endpoint(msgspec.Struct, frozen=True):
    """A server; `url` is the base that `/v1/…` is appended to, as `parse_address` returns it."""

    url: Annotated[str, Meta(max_length=_LONGEST_ADDRESS)]
    name: Annotated[str, Meta(max_length=256)]

    @property
    def host(self) -> str:
        """Its host."""
        return urlsplit(self.url).hostname or ""

    @property
    def origin(self) -> str:
        """Scheme, host and port: its key is sent only there."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{bracketed(self.host)}:{_port_of(parts)}"

    @property
    def can_be_intercepted(self) -> bool:
        """True if others on the network can read the traffic: it is not encrypted."""
        return self.url.startswith("http:") and not _is_this_machine(self.host)


def parse_address(text: str, name: str = "") -> Endpoint:
    """Parse a typed address, with or without scheme, `/v1` and trailing slash.

    The name defaults to host and port.

    Raises:
        AppError: `endpoint_address` if it is not an address, `endpoint_insecure` if it is on the
            internet and without encryption.
    """
    typed = text.strip()
    if typed.split() != [typed]:
        raise AppError(ErrorCode.ENDPOINT_ADDRESS, text=text)
    parts = _split(typed if "://" in typed else f"https://{typed}", text)
    if "://" not in typed and _is_private(parts.hostname or ""):
        parts = parts._replace(scheme="http")
    host = bracketed(parts.hostname or "")
    if parts.scheme == "http" and not _is_private(parts.hostname or ""):
        raise AppError(ErrorCode.ENDPOINT_INSECURE, host=host)
    place = host if parts.port is None else f"{host}:{parts.port}"
    path = parts.path.rstrip("/").removesuffix(_API_PATH).rstrip("/")
    return Endpoint(f"{parts.scheme}://{place}{path}", " ".join(name.split()) or place)


def _split(address: str, text: str) -> SplitResult:
    refused = AppError(ErrorCode.ENDPOINT_ADDRESS, text=text)
    try:
        parts = urlsplit(address)
        is_usable = parts.scheme in _DEFAULT_PORTS and bool(parts.hostname) and parts.port != 0
    except ValueError as error:
        raise refused from error
    # A user name and password in an address would end up in files and logs.
    has_more = parts.username is not None or parts.query or parts.fragment
    if not is_usable or has_more or not address.isprintable() or len(address) > _LONGEST_ADDRESS:
        raise refused
    return parts


def _port_of(parts: SplitResult) -> int:
    return parts.port or _DEFAULT_PORTS[parts.scheme]


def _is_private(host: str) -> bool:
    """Return whether a host is this machine or in a private network."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return _is_this_machine(host) or "." not in host or host.endswith(_LOCAL_SUFFIXES)
    return address.is_private or address.is_loopback or address.is_link_local


def _is_this_machine(host: str) -> bool:
    return is_loopback(host) or host.endswith(".localhost")
