"""Files of the user, whatever they turn out to be."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from app.core.errors import AppError, ErrorCode, NoticeCode
from app.core.events import NoticeReported
from app.core.sentences import describe_error, describe_notice
from app.measurement.texts import own_text
from app.measurement.texts.own_text import MOST_BYTES_READ, read_own_text


def read(file: Path) -> tuple[str, list[NoticeReported]]:
    notices: list[NoticeReported] = []
    return read_own_text(file, notices.append), notices


def refused(file: Path) -> tuple[ErrorCode, str]:
    with pytest.raises(AppError) as caught:
        read(file)
    return caught.value.code, describe_error(caught.value.code, caught.value.details)


def test_a_text_is_read_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "text.txt"
    file.write_bytes("\ufeffMühle\r\n水車\0 end".encode())
    assert read(file) == ("Mühle\r\n水車\0 end", [])


def test_one_line_is_a_text(tmp_path: Path) -> None:
    file = tmp_path / "line.txt"
    file.write_text("mill " * 100_000)
    assert read(file) == ("mill " * 100_000, [])


@pytest.mark.parametrize("content", [b"", b" \n\t\r\n", b"\xef\xbb\xbf"])
def test_an_empty_text_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_bytes(content)
    code, sentence = refused(tmp_path / "empty.txt")
    assert code is ErrorCode.TEXT_UNUSABLE
    assert sentence.startswith("empty.txt can't be used as a text: it is empty.")


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ("Mühle".encode("latin-1"), "1"),
        ("mill".encode("utf-16"), "0"),
        (b"GGUF\x03\x00\x00\x00\xff\xfe", "8"),
        ("Mü".encode()[:-1], "1"),
    ],
)
def test_other_encodings_are_refused_with_the_place(
    content: bytes, place: str, tmp_path: Path
) -> None:
    (tmp_path / "other.txt").write_bytes(content)
    code, sentence = refused(tmp_path / "other.txt")
    assert code is ErrorCode.TEXT_UNUSABLE
    assert f"it is not UTF-8, at byte {place}." in sentence


def test_a_huge_file_is_read_up_to_a_limit(tmp_path: Path) -> None:
    file = tmp_path / "huge.txt"
    with file.open("wb") as opened:
        # The limit falls into the last letter.
        opened.write(b"a" + "ü".encode() * (MOST_BYTES_READ // 2))
        opened.truncate(1_000_000_000)
    text, notices = read(file)
    assert text == "a" + "ü" * (MOST_BYTES_READ // 2 - 1)
    (notice,) = notices
    assert notice.code is NoticeCode.TEXT_CUT
    assert describe_notice(notice.code, notice.details) == (
        "huge.txt has 1.00 GB; only its first 8 MB are used."
    )


def test_the_limit_itself_is_no_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_text, "MOST_BYTES_READ", 10)
    (tmp_path / "ten.txt").write_bytes(b"0123456789")
    assert read(tmp_path / "ten.txt") == ("0123456789", [])


def test_a_folder_and_an_absent_file_are_refused(tmp_path: Path) -> None:
    assert refused(tmp_path)[0] is ErrorCode.FILE_UNREADABLE
    code, sentence = refused(tmp_path / "absent.txt")
    assert code is ErrorCode.FILE_UNREADABLE
    assert "absent.txt" in sentence
    assert refused(tmp_path / "a\0b")[0] is ErrorCode.FILE_UNREADABLE


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no named pipes in folders")
def test_a_named_pipe_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    code, sentence = refused(tmp_path / "pipe")
    assert code is ErrorCode.TEXT_UNUSABLE
    assert "it is not a regular file" in sentence


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")
def test_a_device_is_refused() -> None:
    assert refused(Path("/dev/zero"))[0] is ErrorCode.TEXT_UNUSABLE


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /proc")
def test_a_file_without_a_size_is_read() -> None:
    assert "MemTotal" in read(Path("/proc/meminfo"))[0]
