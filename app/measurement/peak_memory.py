"""Read the peak memory of this process."""

from __future__ import annotations

import re
import sys
from pathlib import Path

if sys.platform == "win32":
    import psutil
else:
    import resource


def peak_memory_bytes() -> int:
    """Return the largest resident size of this process so far, including mapped files.

    GPU memory doesn't count.
    """
    if sys.platform == "win32":
        peak: int = psutil.Process().memory_info().peak_wset
        return peak
    if sys.platform == "linux":
        # getrusage inherits the peak of the parent process.
        found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text("ascii"))
        if found:
            return int(found[1]) * 1024
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used if sys.platform == "darwin" else used * 1024
