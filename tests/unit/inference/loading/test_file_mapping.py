"""A model's file is mapped unless a copy of it is faster and leaves room."""

from __future__ import annotations

import psutil

from app.core.load_options import LoadOptions
from app.inference.loading.file_mapping import should_map
from app.native.huge_pages import are_available

AUTOMATIC = LoadOptions()
SMALL = 2**20


def test_a_choice_is_followed() -> None:
    assert should_map(SMALL, LoadOptions(memory_map="on"), 0)
    assert not should_map(SMALL, LoadOptions(memory_map="off"), 0)
    assert not should_map(SMALL, LoadOptions(memory_map="off"), 1)


def test_a_copy_is_made_where_the_system_gives_huge_pages() -> None:
    assert should_map(SMALL, AUTOMATIC, 0) == (not are_available())


def test_what_goes_to_devices_is_mapped() -> None:
    assert should_map(SMALL, AUTOMATIC, 1)


def test_what_would_crowd_out_all_else_is_mapped() -> None:
    assert should_map(psutil.virtual_memory().total, AUTOMATIC, 0)
