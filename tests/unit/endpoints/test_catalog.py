"""Servers are kept in a file, their keys in the keyring, one for each origin."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.core import paths
from app.core.errors import AppError, ErrorCode, NoticeCode
from app.endpoints import catalog
from app.endpoints.endpoint import parse_address
from tests.support.machine.memory_keyring import MemoryKeyring

NEAR = parse_address("localhost:8080")
SAME_ORIGIN = parse_address("localhost:8080/other/v1")
FAR = parse_address("https://example.com", "Far")


def test_what_was_added_is_there_until_removed(ring: MemoryKeyring) -> None:
    assert catalog.endpoints() == []
    assert catalog.add_or_update(NEAR, "") is None
    assert catalog.add_or_update(FAR, "secret") is None
    assert catalog.endpoints() == [NEAR, FAR]
    assert (catalog.key_of(NEAR), catalog.key_of(FAR)) == ("", "secret")
    catalog.remove(FAR)
    assert catalog.endpoints() == [NEAR]
    assert ring.entries == {}


def test_no_key_is_in_the_file(ring: MemoryKeyring) -> None:
    catalog.add_or_update(FAR, "very-secret")
    assert b"very-secret" not in paths.endpoints_file().read_bytes()
    assert list(ring.entries.values()) == ["very-secret"]


def test_a_server_that_is_added_again_gets_its_new_name_and_key(ring: MemoryKeyring) -> None:
    catalog.add_or_update(FAR, "old")
    renamed = parse_address("https://example.com", "Farther")
    catalog.add_or_update(renamed, "new")
    assert catalog.endpoints() == [renamed]
    assert catalog.key_of(renamed) == "new"


def test_a_key_stays_while_another_server_of_its_origin_is_there(ring: MemoryKeyring) -> None:
    catalog.add_or_update(NEAR, "secret")
    catalog.add_or_update(SAME_ORIGIN, "")
    catalog.remove(NEAR)
    assert catalog.key_of(SAME_ORIGIN) == "secret"


def test_without_a_keyring_the_server_is_kept_and_the_key_is_not(no_ring: None) -> None:
    notice = catalog.add_or_update(FAR, "secret")
    assert notice is not None
    assert notice.code is NoticeCode.KEY_NOT_KEPT
    assert catalog.endpoints() == [FAR]
    assert catalog.key_of(FAR) == ""
    catalog.remove(FAR)
    assert catalog.endpoints() == []


def test_one_damaged_server_leaves_the_others_and_is_named(ring: MemoryKeyring) -> None:
    catalog.add_or_update(NEAR, "")
    content = paths.endpoints_file().read_bytes().replace(b"[", b'[{"url": 5}, 7,', 1)
    paths.endpoints_file().write_bytes(content)
    found, notice = catalog.load_endpoints()
    assert found == [NEAR]
    assert notice is not None
    assert (notice.code, notice.details["names"]) == (NoticeCode.VALUES_LEFT_OUT, "1, 2")
    catalog.add_or_update(FAR, "")
    assert catalog.endpoints() == [NEAR, FAR]
    assert Path(str(notice.details["kept"])).read_bytes() == content


@pytest.mark.parametrize("content", [b"", b"{", b"[7]", b'[{"url": 7, "name": ""}]', b"[" * 99_999])
def test_a_damaged_file_counts_as_empty(content: bytes, home: Path) -> None:
    home.mkdir()
    paths.endpoints_file().write_bytes(content)
    assert catalog.endpoints() == []


@pytest.mark.parametrize("typed", ["a key", "schlüssel", "line\nbreak", "x" * 1001])
def test_a_key_that_can_not_be_sent_is_refused(typed: str) -> None:
    with pytest.raises(AppError) as refused:
        catalog.checked_key(typed)
    assert refused.value.code is ErrorCode.KEY_INVALID


def test_what_surrounds_a_key_is_dropped() -> None:
    assert catalog.checked_key(" sk-1\n") == "sk-1"
    assert catalog.checked_key("\n") == ""
