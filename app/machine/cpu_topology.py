"""CPU topology: performance and efficiency cores, and NUMA nodes; None where unknown.

Linux reports it in `/sys`, macOS by sysctl, Windows by two functions.
"""

from __future__ import annotations

import ctypes
import re
import struct
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

SYSTEM_FOLDER = Path("/sys/devices")
_SLOW_BELOW = 0.8
"""Equal cores differ by a few percent in turbo clock; efficiency cores by much more."""
_CORE_ENTRY = 0
_ENTRY = struct.Struct("<II")
_CLASS_OFFSET = 9


class CoreKinds(NamedTuple):
    """Number of physical cores of each kind; no efficiency cores if all are equal."""

    performance: int
    efficiency: int


def core_kinds(system: Path = SYSTEM_FOLDER) -> CoreKinds | None:
    """Return the performance and efficiency cores; None if unknown.

    Args:
        system: The folder that is `/sys/devices` on Linux.
    """
    if sys.platform == "win32":
        return kinds_by_class(efficiency_classes(_core_entries()))
    if sys.platform == "darwin":
        return _kinds_by_sysctl()
    return _kinds_of_hybrid(system) or _kinds_by_capacity(system)


def numa_nodes(system: Path = SYSTEM_FOLDER) -> int | None:
    """Return the number of NUMA nodes; None if unknown."""
    if sys.platform == "win32":
        highest = ctypes.c_ulong()
        known = ctypes.windll.kernel32.GetNumaHighestNodeNumber(ctypes.byref(highest))
        return highest.value + 1 if known else None
    if sys.platform == "darwin":
        return 1
    return sum(1 for _ in system.glob("system/node/node[0-9]*")) or None


def efficiency_classes(entries: bytes) -> Counter[int]:
    """Count the cores of each efficiency class; class 0 is the slowest.

    Args:
        entries: SYSTEM_LOGICAL_PROCESSOR_INFORMATION_EX of winnt.h, consecutive.
    """
    classes: Counter[int] = Counter()
    start = 0
    while start + _CLASS_OFFSET < len(entries):
        kind, size = _ENTRY.unpack_from(entries, start)
        if kind == _CORE_ENTRY and size > _CLASS_OFFSET:
            classes[entries[start + _CLASS_OFFSET]] += 1
        start += max(size, _ENTRY.size)
    return classes


def kinds_by_class(classes: Mapping[int, int]) -> CoreKinds | None:
    """Return the kinds of cores; the lowest of several classes holds the efficiency cores."""
    if not classes:
        return None
    slow = classes[min(classes)] if len(classes) > 1 else 0
    return CoreKinds(sum(classes.values()) - slow, slow)


def _kinds_of_hybrid(system: Path) -> CoreKinds | None:
    """Return the kinds of cores of Intel's hybrid CPUs."""
    fast, slow = (
        _physical_cores(system, _numbers_in(system / kind / "cpus"))
        for kind in ("cpu_core", "cpu_atom")
    )
    return CoreKinds(fast, slow) if fast and slow else None


def _kinds_by_capacity(system: Path) -> CoreKinds | None:
    """Return the kinds of cores by the scheduler's capacities, or by maximum clock rates."""
    for name in ("cpu_capacity", "cpufreq/cpuinfo_max_freq"):
        strengths = {
            int(folder.name.removeprefix("cpu")): strength
            for folder in system.glob("system/cpu/cpu[0-9]*")
            if (strength := _number_in(folder / name))
        }
        if strengths:
            bound = _SLOW_BELOW * max(strengths.values())
            fast = {number for number, strength in strengths.items() if strength >= bound}
            return CoreKinds(
                _physical_cores(system, fast), _physical_cores(system, strengths.keys() - fast)
            )
    return None


def _physical_cores(system: Path, numbers: set[int]) -> int:
    """Return how many physical cores these logical cores belong to."""
    topologies = (system / f"system/cpu/cpu{number}/topology" for number in numbers)
    siblings = [_text_of(topology / "thread_siblings_list") for topology in topologies]
    # A core without a list counts as one.
    return len(set(filter(None, siblings))) + siblings.count("")


def _numbers_in(file: Path) -> set[int]:
    """Read a list of numbers such as `0-3,8`."""
    return set(_ranges(_text_of(file)))


def _ranges(text: str) -> Iterator[int]:
    for first, last in re.findall(r"(\d+)(?:-(\d+))?", text):
        yield from range(int(first), int(last or first) + 1)


def _number_in(file: Path) -> int:
    text = _text_of(file)
    return int(text) if text.isdecimal() else 0


def _text_of(file: Path) -> str:
    try:
        return file.read_text().strip()
    except OSError:
        return ""


if sys.platform == "win32":

    def _core_entries() -> bytes:
        size = ctypes.c_ulong()
        function = ctypes.windll.kernel32.GetLogicalProcessorInformationEx
        function(_CORE_ENTRY, None, ctypes.byref(size))
        buffer = ctypes.create_string_buffer(size.value)
        return buffer.raw if function(_CORE_ENTRY, buffer, ctypes.byref(size)) else b""


if sys.platform == "darwin":

    def _kinds_by_sysctl() -> CoreKinds | None:
        """Return the kinds of cores of Apple's CPUs; level 0 has the fastest."""
        fast = _sysctl("hw.perflevel0.physicalcpu")
        return CoreKinds(fast, _sysctl("hw.perflevel1.physicalcpu")) if fast else None

    def _sysctl(name: str) -> int:
        value = ctypes.c_int32()
        size = ctypes.c_size_t(ctypes.sizeof(value))
        library = ctypes.CDLL(None)
        failed = library.sysctlbyname(
            name.encode(), ctypes.byref(value), ctypes.byref(size), None, ctypes.c_size_t(0)
        )
        return 0 if failed else value.value
