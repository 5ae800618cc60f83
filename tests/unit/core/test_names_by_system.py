"""Hundreds of hostile names, judged by the rules of Linux, macOS and Windows as written here.

Whatever the sanitizer lets through, or makes of a text, must be a name of a plain file inside its
folder on each of the three systems.
"""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.core.errors import AppError
from app.core.names import file_name_from, path_inside

_DEVICES = (
    *("CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"),
    *(f"{port}{number}" for port in ("COM", "LPT") for number in "0123456789¹²³"),
)
_LONGEST = 255
"""Bytes of a name on Linux and macOS, units of UTF-16 on Windows."""


def _devices() -> Iterator[str]:
    for name, ending in itertools.product(_DEVICES, ("", ".gguf", " .txt", ".tar.gz", ".")):
        yield f"{name.lower()}{ending}"
    yield from (f"folder/{name}" for name in _DEVICES)


def _ways_out() -> Iterator[str]:
    for up, separator in itertools.product(("..", ".", ""), ("/", "\\", "//", "\\\\", "/./")):
        yield f"{up}{separator}x"
        yield f"a{separator}{up}{separator}{up}{separator}x"
    for root in ("/", "\\", "C:", "C:\\", "C:/", "\\\\?\\C:\\", "\\\\.\\", "//server/share/", "~/"):
        yield f"{root}x"
    yield from ("..", ".", "", "/", "\\", "...", "....", "a/..", "a/.", "a/", "..;/x", "%2e%2e/x")
    yield from ("．．/x", "a∕..∕x", "..\0/x", "a\n/../x", "file:///etc/passwd", "\\\\host@80\\x")


def _bad_characters() -> Iterator[str]:
    for character in '<>:"|?*\\\0\x01\t\n\r\x1b\x1f\x7f\x80\x85\xa0\u202e\u2066\u200b\ufeff\ue000':
        yield f"a{character}b.gguf"
        yield f"{character}a"
        yield f"a{character}"
    yield from ("a.gguf:evil", "a:$DATA", "a::$INDEX_ALLOCATION", "\ud800", "a\udcffb")


def _odd_ends_and_lengths() -> Iterator[str]:
    yield from ("name.", "name..", "name ", " name", "name. ", ".name.", "- ", "folder ./x", "a /b")
    yield from ("x" * 201, "x" * 256, "x" * 5000, "é" * 128, "模" * 86, "🌾" * 64, "a/" * 300)
    yield from ("e\u0301" * 3, "Å", "ﬁ", "\u1100\u1161", "ſ", "K", "İ", "ß" * 100)


NAMES = tuple(
    dict.fromkeys((*_devices(), *_ways_out(), *_bad_characters(), *_odd_ends_and_lengths()))
)


def is_plain_on_linux(part: str) -> bool:
    raw = part.encode("utf-8", "surrogatepass")
    return part not in ("", ".", "..") and not {"/", "\0"} & set(part) and len(raw) <= _LONGEST


def is_plain_on_macos(part: str) -> bool:
    # The Finder's separator is a colon; the file system changes what is not normalized.
    is_normal = unicodedata.normalize("NFC", part) == part
    is_text = part.encode("utf-8", "replace").decode() == part
    return is_plain_on_linux(part) and ":" not in part and is_normal and is_text


def is_plain_on_windows(part: str) -> bool:
    units = len(part.encode("utf-16-le", "surrogatepass")) // 2
    stem = part.partition(".")[0].rstrip(" ").upper()
    return (
        part not in ("", ".", "..")
        and not set('<>:"/\\|?*') & set(part)
        and all(ord(character) >= 32 for character in part)
        and not part.endswith((".", " "))
        and stem not in _DEVICES
        and units <= _LONGEST
    )


def is_plain(part: str) -> bool:
    return is_plain_on_linux(part) and is_plain_on_macos(part) and is_plain_on_windows(part)


def test_there_are_enough_names() -> None:
    assert len(NAMES) >= 300


def test_the_rules_of_each_system_refuse_something() -> None:
    for rule in (is_plain_on_linux, is_plain_on_macos, is_plain_on_windows):
        assert rule("Llama 3.1 (8B)-Q4_K_M.gguf")
        assert sum(not rule(name) for name in NAMES) > 10


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_refused_or_one_of_a_plain_file_inside(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    try:
        path = path_inside(folder, name)
    except AppError:
        return
    parts = path.relative_to(folder).parts
    assert parts
    assert all(map(is_plain, parts))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    assert path.resolve().is_relative_to(folder.resolve())
    assert list(tmp_path.iterdir()) == [folder]


@pytest.mark.parametrize("name", NAMES)
def test_a_file_name_made_of_a_text_is_plain(name: str) -> None:
    made = file_name_from(name)
    assert is_plain(made)
    assert is_plain(f"{made}.gguf")
