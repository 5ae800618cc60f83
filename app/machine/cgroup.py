"""Memory limit of this process's Linux control group, as in a container.

psutil's figures are the machine's and ignore such a limit.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_ROOT = Path("/")
_UNLIMITED_BYTES = 2**60
"""Version 1 of control groups reports a number of this order if there is no limit."""


class MemoryLimit(NamedTuple):
    """A group's limit, and how much of it is free."""

    limit_bytes: int
    free_bytes: int


def memory_limit(root: Path = _ROOT) -> MemoryLimit | None:
    """Return the limit with the least free memory; None if there is none.

    A group is subject to its own limit and to those of all enclosing groups.

    Args:
        root: The folder that is `/` on Linux.
    """
    limits = [limit for folder in _folders(root) if (limit := _limit_of(folder))]
    return min(limits, key=lambda limit: limit.free_bytes, default=None)


def _folders(root: Path) -> Iterator[Path]:
    """Yield the folders of this process's groups, innermost first."""
    for line in _lines_of(root / "proc/self/cgroup"):
        _, controllers, place = line.split(":", 2)
        if controllers in ("", "memory"):
            mounted = root / "sys/fs/cgroup" / controllers
            own = mounted / place.lstrip("/")
            yield own
            yield from (parent for parent in own.parents if parent.is_relative_to(mounted))


def _limit_of(folder: Path) -> MemoryLimit | None:
    """Read the limit of a group of either version (Documentation/admin-guide/cgroup-v2.rst, v1)."""
    limit = _number_in(folder / "memory.max") or _number_in(folder / "memory.limit_in_bytes")
    used = _number_in(folder / "memory.current") or _number_in(folder / "memory.usage_in_bytes")
    if not limit or limit >= _UNLIMITED_BYTES:
        return None
    # The kernel drops cached files before it refuses memory.
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
