"""What a control group leaves of the memory, in either version of the files."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.machine.cgroup import MemoryLimit, memory_limit

GIGABYTE = 10**9
NO_LIMIT_BYTES = 9223372036854771712


def put(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text + "\n")


def put_group(folder: Path, limit: str, used: int, cached: int = 0) -> None:
    put(folder / "memory.max", limit)
    put(folder / "memory.current", str(used))
    put(folder / "memory.stat", f"anon 5\ninactive_file {cached}")


def test_the_tightest_group_counts(tmp_path: Path) -> None:
    put(tmp_path / "proc/self/cgroup", "0::/outer/inner")
    groups = tmp_path / "sys/fs/cgroup"
    put_group(groups / "outer", str(8 * GIGABYTE), 7 * GIGABYTE)
    put_group(groups / "outer/inner", str(4 * GIGABYTE), 2 * GIGABYTE)
    assert memory_limit(tmp_path) == MemoryLimit(8 * GIGABYTE, GIGABYTE)


def test_cached_files_are_free(tmp_path: Path) -> None:
    put(tmp_path / "proc/self/cgroup", "0::/")
    put_group(tmp_path / "sys/fs/cgroup", str(4 * GIGABYTE), 3 * GIGABYTE, 2 * GIGABYTE)
    assert memory_limit(tmp_path) == MemoryLimit(4 * GIGABYTE, 3 * GIGABYTE)


def test_the_first_version_is_read_too(tmp_path: Path) -> None:
    """From within a container, where the group's own folder is not to be seen."""
    put(tmp_path / "proc/self/cgroup", "5:cpu:/docker/abc\n4:memory:/docker/abc\n0::/")
    group = tmp_path / "sys/fs/cgroup/memory"
    put(group / "memory.limit_in_bytes", str(2 * GIGABYTE))
    put(group / "memory.usage_in_bytes", str(GIGABYTE))
    put(group / "memory.stat", f"inactive_file 1\ntotal_inactive_file {GIGABYTE // 2}")
    assert memory_limit(tmp_path) == MemoryLimit(2 * GIGABYTE, GIGABYTE * 3 // 2)


@pytest.mark.parametrize("limit", ["max", str(NO_LIMIT_BYTES), "", "odd"])
def test_without_a_limit_there_is_none(tmp_path: Path, limit: str) -> None:
    put(tmp_path / "proc/self/cgroup", "0::/")
    put_group(tmp_path / "sys/fs/cgroup", limit, GIGABYTE)
    assert memory_limit(tmp_path) is None


def test_another_system_has_none(tmp_path: Path) -> None:
    assert memory_limit(tmp_path) is None
