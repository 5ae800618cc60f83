"""Put buffers in huge pages of memory, which the processor reads faster than small ones.

The weights come from memory anew for each token. At the end of every page of 4 KiB the processor
looks up where the next one lies, and stops reading ahead. Linux gives pages of 2 MiB on
request; the engine makes none, and what is mapped from a file can't have them.
"""

from __future__ import annotations

import ctypes
import re
import sys
from collections.abc import Iterator
from pathlib import Path

_SWITCH = Path("/sys/kernel/mm/transparent_hugepage/enabled")
_REGIONS = Path("/proc/self/maps")
_MEMORY_REGION = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) rw-p \S+ \S+ 0 *$", re.MULTILINE)
_MIN_BYTES = 16 * 2**20
"""Smaller regions are seldom buffers of the engine, and seldom read as a whole."""
_MADV_HUGEPAGE = 14
"""In include/uapi/asm-generic/mman-common.h of Linux."""


def are_available() -> bool:
    """Return whether huge pages are available to programs that request them."""
    try:
        return sys.platform == "linux" and "[never]" not in _SWITCH.read_text()
    except OSError:
        return False


def request_huge_pages() -> None:
    """Request huge pages for every large buffer of this process.

    What is written there for the first time from now on lies in huge pages; what is there already,
    the system moves when it has nothing else to do.
    """
    if not are_available():
        return
    advise = ctypes.CDLL(None).madvise
    advise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    for start, size_bytes in _large_buffers():
        # In vain is no harm: the pages stay small.
        advise(start, size_bytes, _MADV_HUGEPAGE)


def _large_buffers() -> Iterator[tuple[int, int]]:
    """Yield the address and the size in bytes of memory that belongs to no file."""
    for begins, ends in _MEMORY_REGION.findall(_REGIONS.read_text()):
        start, end = int(begins, 16), int(ends, 16)
        if end - start >= _MIN_BYTES:
            yield start, end - start
