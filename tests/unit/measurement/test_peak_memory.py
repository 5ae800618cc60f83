"""The peak is of this process, in bytes."""

from __future__ import annotations

import subprocess
import sys

import psutil

from app.measurement.peak_memory import peak_memory_bytes

HELD_BYTES = 300_000_000
CHILD = (
    f"held = b'x' * {HELD_BYTES}; del held; "
    "from app.measurement.peak_memory import peak_memory_bytes; print(peak_memory_bytes())"
)


def peak_of_child(code: str) -> int:
    return int(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout)


def test_what_was_given_back_counts() -> None:
    held = peak_of_child(CHILD)
    # What this process holds must not count for the child.
    ballast = bytearray(b"x") * HELD_BYTES
    small = peak_of_child(CHILD.partition("; ")[2].partition("; ")[2])
    assert len(ballast) == HELD_BYTES
    assert HELD_BYTES < held < 1.5 * HELD_BYTES
    assert small < HELD_BYTES / 2


def test_it_is_at_least_what_is_held_now() -> None:
    now = psutil.Process().memory_info().rss
    assert now <= peak_memory_bytes() <= psutil.virtual_memory().total
