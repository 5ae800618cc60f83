"""A model's file is mapped unless a copy of it is faster and leaves room."""

from __future__ import annotations

import os
from pathlib import Path

import psutil
import pytest

from app.core.load_options import LoadOptions
from app.inference.loading.file_mapping import is_mapped
from app.native.huge_pages import are_given

AUTOMATIC = LoadOptions()


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return of_size(tmp_path / "small.gguf", 2**20)


def of_size(path: Path, size_bytes: int) -> Path:
    """A file with nothing in it, which takes no place on the disk."""
    path.touch()
    os.truncate(path, size_bytes)
    return path


def test_a_choice_is_followed(small: Path) -> None:
    assert is_mapped(small, LoadOptions(memory_map="on"), 0)
    assert not is_mapped(small, LoadOptions(memory_map="off"), 0)
    assert not is_mapped(small, LoadOptions(memory_map="off"), 1)


def test_a_copy_is_made_where_the_system_gives_huge_pages(small: Path) -> None:
    assert is_mapped(small, AUTOMATIC, 0) == (not are_given())


def test_what_goes_to_devices_is_mapped(small: Path) -> None:
    assert is_mapped(small, AUTOMATIC, 1)


def test_what_would_crowd_out_all_else_is_mapped(tmp_path: Path) -> None:
    assert is_mapped(of_size(tmp_path / "large.gguf", psutil.virtual_memory().total), AUTOMATIC, 0)


def test_all_shards_count(tmp_path: Path) -> None:
    part = psutil.virtual_memory().total // 2
    shards = [
        of_size(tmp_path / f"large-{number:05}-of-00003.gguf", part) for number in range(1, 4)
    ]
    assert is_mapped(shards[0], AUTOMATIC, 0)
