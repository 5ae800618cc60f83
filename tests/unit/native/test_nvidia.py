"""What others hold of an NVIDIA device."""

from __future__ import annotations

from typing import NamedTuple

from app.native.nvidia import own_bytes, total_bytes_of, used_by_others


class Process(NamedTuple):
    pid: int
    usedGpuMemory: int | None  # noqa: N815 - as NVIDIA's library names it


def test_own_processes_are_counted_once_where_the_driver_tells_their_memory() -> None:
    processes = [Process(1, 100), Process(1, 100), Process(2, 50), Process(3, None)]
    assert own_bytes(processes, {1, 3}.__contains__) == 100


def test_a_device_that_is_not_there_holds_nothing_that_is_known() -> None:
    assert used_by_others("ffff:ff:1f.7", lambda _: False) is None
    assert total_bytes_of("ffff:ff:1f.7") is None
