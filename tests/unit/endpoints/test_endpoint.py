"""What people type as the address of a server, and whom its key is for."""

from __future__ import annotations

import pytest

from app.core.errors import AppError, ErrorCode
from app.endpoints.endpoint import parse_address


@pytest.mark.parametrize(
    ("typed", "url"),
    [
        ("localhost:8080", "http://localhost:8080"),
        ("http://localhost:8080/", "http://localhost:8080"),
        ("http://localhost:11434/v1", "http://localhost:11434"),
        (" http://127.0.0.1:1234/v1/ ", "http://127.0.0.1:1234"),
        ("192.168.1.7:8000", "http://192.168.1.7:8000"),
        ("workstation:8000", "http://workstation:8000"),
        ("mill.local", "http://mill.local"),
        ("[::1]:8080", "http://[::1]:8080"),
        ("api.example.com", "https://api.example.com"),
        ("https://api.example.com/v1", "https://api.example.com"),
        ("https://example.com/api/v1", "https://example.com/api"),
        ("HTTPS://Example.com:443/", "https://example.com:443"),
    ],
)
def test_an_address_is_understood(typed: str, url: str) -> None:
    assert parse_address(typed).url == url


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "   ",
        "http://",
        "ftp://example.com",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "http://user:password@localhost:80",
        "http://localhost:0",
        "http://localhost:99999",
        "http://localhost/?key=1",
        "http://localhost/#v1",
        "http://[::1",
        "http://local\x00host",
        "https://" + "a" * 2000,
    ],
)
def test_what_is_no_address_is_refused(typed: str) -> None:
    with pytest.raises(AppError) as refused:
        parse_address(typed)
    assert refused.value.code is ErrorCode.ENDPOINT_ADDRESS


@pytest.mark.parametrize("typed", ["http://example.com", "http://8.8.8.8:80"])
def test_nothing_goes_out_into_the_internet_without_encryption(typed: str) -> None:
    with pytest.raises(AppError) as refused:
        parse_address(typed)
    assert refused.value.code is ErrorCode.ENDPOINT_INSECURE


def test_only_what_leaves_this_machine_can_be_read_on_the_way() -> None:
    assert parse_address("192.168.1.7:8000").can_be_intercepted
    assert not parse_address("localhost:8000").can_be_intercepted
    assert not parse_address("https://192.168.1.7:8000").can_be_intercepted


def test_a_key_is_for_one_origin() -> None:
    origins = [
        parse_address(address).origin
        for address in (
            "https://example.com",
            "https://example.com:443/api/v1",
            "https://example.com:8443",
            "https://other.example.com",
        )
    ]
    assert origins[0] == origins[1]
    assert len(set(origins)) == 3


def test_a_server_is_called_by_its_place_or_its_name() -> None:
    assert parse_address("localhost:8080").name == "localhost:8080"
    assert parse_address("localhost:8080", " the  mill ").name == "the mill"
