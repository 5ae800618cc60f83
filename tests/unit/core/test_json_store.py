"""Typed JSON files."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from app.core.errors import AppError, ErrorCode, NoticeCode
from app.core.files import PART_SUFFIX
from app.core.json_store import JsonStore

Numbers = dict[str, int]


@pytest.fixture
def store(tmp_path: Path) -> JsonStore[Numbers]:
    return JsonStore(tmp_path / "folder" / "numbers.json", Numbers)


def test_a_value_comes_back(store: JsonStore[Numbers]) -> None:
    assert store.read() is None
    store.write({"one": 1})
    assert store.read() == store.salvage() == {"one": 1}
    assert store.salvage_with_notice() == ({"one": 1}, None)


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"[" * 100_000, b"\xff"])
def test_a_damaged_file_counts_as_absent(content: bytes, store: JsonStore[Numbers]) -> None:
    store.write({})
    store.file.write_bytes(content)
    assert store.read() is None
    assert store.salvage() is None
    assert store.salvage_with_notice() == (None, None)


def test_invalid_parts_are_left_out_only_when_salvaging(store: JsonStore[Numbers]) -> None:
    store.write({})
    store.file.write_bytes(b'{"one": 1, "two": "2"}')
    assert store.read() is None
    assert store.salvage() == {"one": 1}
    assert not store.file.with_name("numbers.json.bad").exists()
    value, notice = store.salvage_with_notice()
    assert value == {"one": 1}
    assert notice is not None
    assert (notice.code, notice.details["names"]) == (NoticeCode.VALUES_LEFT_OUT, "two")
    assert store.file.with_name("numbers.json.bad").exists()


def test_an_indented_file_can_be_read_by_people(tmp_path: Path) -> None:
    store = JsonStore(tmp_path / "numbers.json", Numbers, indented=True)
    store.write({"one": 1})
    assert store.file.read_text() == '{\n  "one": 1\n}\n'


def test_only_writing_unless_busy_ignores_another_writer(store: JsonStore[Numbers]) -> None:
    store.write({"one": 1})
    store.file.with_name(store.file.name + PART_SUFFIX).touch()
    with pytest.raises(AppError) as raised:
        store.write({"two": 2})
    assert raised.value.code is ErrorCode.FILE_BUSY
    store.write_unless_busy({"two": 2})
    assert msgspec.json.decode(store.file.read_bytes()) == {"one": 1}


def test_writing_unless_busy_reports_other_failures(tmp_path: Path) -> None:
    (tmp_path / "folder").touch()
    store = JsonStore(tmp_path / "folder" / "numbers.json", Numbers)
    with pytest.raises(AppError) as raised:
        store.write_unless_busy({"one": 1})
    assert raised.value.code is ErrorCode.FOLDER_NOT_WRITABLE
