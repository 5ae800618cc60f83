"""Origins of web pages, and hosts with ports."""

from __future__ import annotations

import pytest

from app.core.addresses import is_host_and_port, is_web_origin


@pytest.mark.parametrize(
    "text",
    ["http://localhost:3000", "https://example.com", "http://[::1]:80", "http://127.0.0.1:65535"],
)
def test_origins(text: str) -> None:
    assert is_web_origin(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "*",
        "null",
        "localhost:3000",
        "http://a/",
        "http://A",
        "ftp://a",
        "http://a:0",
        "http://-",
    ],
)
def test_what_is_no_origin(text: str) -> None:
    assert not is_web_origin(text)


@pytest.mark.parametrize("text", ["mill:1", "Mill.local:50052", "192.168.1.7:65535", "[::1]:9"])
def test_hosts_with_ports(text: str) -> None:
    assert is_host_and_port(text)


@pytest.mark.parametrize(
    "text", ["", "mill", ":1", "mill:", "mill:0", "mill:65536", "a b:1", "a/b:1"]
)
def test_what_is_no_host_with_a_port(text: str) -> None:
    assert not is_host_and_port(text)
