"""Huge pages are asked for where large buffers are, and nowhere else."""

from __future__ import annotations

import ctypes
import mmap
from pathlib import Path

import pytest

from app.native.huge_pages import are_available, request_huge_pages

pytestmark = pytest.mark.skipif(not are_available(), reason="the system gives no huge pages")

_WANTS_HUGE_PAGES = "hg"
"""In the flags of a region (Documentation/filesystems/proc.rst of Linux)."""


def region_flags(address: int) -> list[str]:
    """The flags of the region of memory in which an address lies."""
    is_inside = False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        first, *others = line.split()
        if "-" in first:
            start, end = (int(place, 16) for place in first.split("-"))
            is_inside = start <= address < end
        elif is_inside and first == "VmFlags:":
            return others
    raise LookupError(address)


def flags_after_asking(size_bytes: int) -> list[str]:
    with mmap.mmap(-1, size_bytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as region:
        place = ctypes.c_char.from_buffer(region)
        try:
            request_huge_pages()
            return region_flags(ctypes.addressof(place))
        finally:
            del place


def test_a_large_buffer_is_to_lie_in_huge_pages() -> None:
    assert _WANTS_HUGE_PAGES in flags_after_asking(48 * 2**20)
