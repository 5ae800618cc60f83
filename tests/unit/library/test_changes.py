"""What has become of a loaded model's files."""

from __future__ import annotations

import os
import queue
from collections.abc import Callable
from pathlib import Path

import pytest

from app.library.changes import watch_files

WAIT_SECONDS = 30


def shorten(file: Path) -> None:
    os.truncate(file, 3)


def replace(file: Path) -> None:
    other = file.with_name("other")
    other.write_bytes(b"grain")
    other.replace(file)


def write(file: Path) -> None:
    with file.open("r+b") as stream:
        stream.write(b"G")
    os.utime(file, ns=(0, 1))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (shorten, "it was truncated"),
        (replace, "another file replaced it"),
        (Path.unlink, "it was deleted or moved"),
        (write, "it was modified"),
    ],
)
def test_a_change_is_told(change: Callable[[Path], None], words: str, tmp_path: Path) -> None:
    files = [tmp_path / "one", tmp_path / "two"]
    for file in files:
        file.write_bytes(b"grain")
    told: queue.SimpleQueue[str] = queue.SimpleQueue()
    watch_files(files, told.put)
    change(files[1])
    assert told.get(timeout=WAIT_SECONDS) == words
