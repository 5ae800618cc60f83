"""The most memory that this process has ever held."""

from __future__ import annotations

import re
import sys
from pathlib import Path

if sys.platform == "win32":
    import psutil
else:
    import resource


def peak_memory_bytes() -> int:
    """The largest resident size of this process so far, the parts of mapped files included.

    Memory of graphics cards is none of it.
    """
    if sys.platform == "win32":
        peak: int = psutil.Process().memory_info().peak_wset
        return peak
    if sys.platform == "linux":
        # getrusage would begin with the peak of the program that started this one.
        found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text("ascii"))
        if found:
            return int(found[1]) * 1024
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used if sys.platform == "darwin" else used * 1024
