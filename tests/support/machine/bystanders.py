"""The share of CPU time that other programs use during a measurement."""

from __future__ import annotations

import os
import time
from typing import Self

import psutil


class Bystanders:
    """A measured block; afterwards, `share` is the share of all CPU time that others used.

    CPU time of this process and its children, even those that have ended, doesn't count.
    """

    share = 0.0

    def __enter__(self) -> Self:
        self._before = _spent_seconds()
        self._began = time.monotonic()
        return self

    def __exit__(self, *_: object) -> None:
        everyone, own = (
            now - then for now, then in zip(_spent_seconds(), self._before, strict=True)
        )
        possible = (time.monotonic() - self._began) * (os.cpu_count() or 1)
        self.share = max(0.0, everyone - own) / possible


def _spent_seconds() -> tuple[float, float]:
    """Return the CPU time of all programs since the start, and of ours."""
    times = psutil.cpu_times()
    idle = times.idle + getattr(times, "iowait", 0.0)
    own = os.times()
    spent = sum(own[:4])
    for child in psutil.Process().children(recursive=True):
        used = child.cpu_times()
        spent += used.user + used.system
    return sum(times) - idle, spent
