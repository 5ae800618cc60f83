"""Kinds of cores and NUMA nodes, from the trees and structures that systems give."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import pytest

from app.machine.cpu_topology import (
    CoreKinds,
    core_kinds,
    efficiency_classes,
    kinds_by_class,
    numa_nodes,
)

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's tree")


def put(folder: Path, text: str) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.write_text(text + "\n")


def put_core(system: Path, number: int, siblings: str = "", **facts: int) -> None:
    folder = system / f"system/cpu/cpu{number}"
    if siblings:
        put(folder / "topology/thread_siblings_list", siblings)
    for name, value in facts.items():
        put(folder / name.replace("__", "/"), str(value))


@on_linux
def test_two_kinds_are_counted_in_physical_cores(tmp_path: Path) -> None:
    """As on a processor with two fast cores of two threads each, and four slow ones."""
    put(tmp_path / "cpu_core/cpus", "0-3")
    put(tmp_path / "cpu_atom/cpus", "4-6,7")
    for number in range(8):
        first = number // 2 * 2
        put_core(tmp_path, number, f"{first}-{first + 1}" if number < 4 else str(number))
    assert core_kinds(tmp_path) == CoreKinds(2, 4)


@on_linux
def test_cores_are_told_apart_by_what_the_scheduler_knows_of_them(tmp_path: Path) -> None:
    for number, capacity in enumerate((1024, 1024, 900, 400, 400, 400)):
        put_core(tmp_path, number, str(number), cpu_capacity=capacity)
    assert core_kinds(tmp_path) == CoreKinds(3, 3)


@on_linux
def test_cores_that_turbo_a_little_further_are_of_the_same_kind(tmp_path: Path) -> None:
    for number, rate in enumerate((5_100_000, 5_000_000, 4_900_000)):
        put_core(tmp_path, number, cpufreq__cpuinfo_max_freq=rate)
    assert core_kinds(tmp_path) == CoreKinds(3, 0)


@on_linux
def test_a_tree_that_tells_nothing_is_unknown(tmp_path: Path) -> None:
    put_core(tmp_path, 0, "0")
    put(tmp_path / "cpu_core/cpus", "")
    assert core_kinds(tmp_path) is None
    assert numa_nodes(tmp_path) is None


@on_linux
def test_numa_nodes_are_counted(tmp_path: Path) -> None:
    for name in ("node0", "node1", "has_cpu"):
        put(tmp_path / "system/node" / name / "cpulist", "0")
    assert numa_nodes(tmp_path) == 2


def entry(kind: int, efficiency_class: int) -> bytes:
    body = bytes([1, efficiency_class]) + bytes(38)
    return struct.pack("<II", kind, 8 + len(body)) + body


@pytest.mark.parametrize(
    ("entries", "kinds"),
    [
        (entry(0, 1) * 6 + entry(0, 0) * 8 + entry(1, 5), CoreKinds(6, 8)),
        (entry(0, 0) * 4, CoreKinds(4, 0)),
        (entry(0, 2) * 2 + entry(0, 1) * 4 + entry(0, 0) * 2, CoreKinds(6, 2)),
        (b"", None),
        (entry(0, 1) + b"\0\0\0\0\0\0\0\0", CoreKinds(1, 0)),
        (entry(0, 1)[:7], None),
    ],
    ids=["two kinds", "one kind", "three kinds", "nothing", "an empty entry", "cut short"],
)
def test_windows_entries_tell_the_classes(entries: bytes, kinds: CoreKinds | None) -> None:
    assert kinds_by_class(efficiency_classes(entries)) == kinds
