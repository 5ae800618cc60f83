"""How much memory a Linux control group leaves to this program, in a container above all.

The machine's own figures, which psutil gives, don't tell of such a limit.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_ROOT = Path("/")
_UNLIMITED_BYTES = 2**60
"""The first version of control groups has a number of this order where there is no limit."""


class MemoryLimit(NamedTuple):
    """What a group may take at most, and what of it is free, in bytes."""

    limit_bytes: int
    free_bytes: int


def memory_limit(root: Path = _ROOT) -> MemoryLimit | None:
    """The limit that leaves the least free; None where there is none.

    A group is bound by its own limit and by those of the groups that it lies in.

    Args:
        root: the folder that is `/` on Linux.
    """
    limits = [limit for folder in _folders(root) if (limit := _limit_of(folder))]
    return min(limits, key=lambda limit: limit.free_bytes, default=None)


def _folders(root: Path) -> Iterator[Path]:
    """The folders of the groups of this process, from within to the outermost."""
    for line in _lines_of(root / "proc/self/cgroup"):
        _, controllers, place = line.split(":", 2)
        if controllers in ("", "memory"):
            mounted = root / "sys/fs/cgroup" / controllers
            own = mounted / place.lstrip("/")
            yield own
            yield from (parent for parent in own.parents if parent.is_relative_to(mounted))


def _limit_of(folder: Path) -> MemoryLimit | None:
    """What the files of either version say (Documentation/admin-guide/cgroup-v2.rst, v1)."""
    limit = _number_in(folder / "memory.max") or _number_in(folder / "memory.limit_in_bytes")
    used = _number_in(folder / "memory.current") or _number_in(folder / "memory.usage_in_bytes")
    if not limit or limit >= _UNLIMITED_BYTES:
        return None
    # Cached files are given up before anything is refused.
    cached = _statistic(folder, "total_inactive_file") or _statistic(folder, "inactive_file")
    return MemoryLimit(limit, min(limit, max(0, limit - used + cached)))


def _statistic(folder: Path, name: str) -> int:
    for line in _lines_of(folder / "memory.stat"):
        key, _, value = line.partition(" ")
        if key == name and value.isdecimal():
            return int(value)
    return 0


def _number_in(file: Path) -> int:
    lines = _lines_of(file)
    return int(lines[0]) if lines and lines[0].isdecimal() else 0


def _lines_of(file: Path) -> list[str]:
    try:
        return file.read_text().splitlines()
    except OSError:
        return []
