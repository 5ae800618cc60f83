"""From the start of the process to the painted window, and what of it is Qt's own.

Run: `python -m tests.benchmarks.start_up`. The peer is an empty Qt window on the same machine.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile

_RUNS = 7
_EMPTY = """
import time, psutil
from PySide6.QtWidgets import QApplication, QMainWindow
application = QApplication([])
window = QMainWindow()
"""
_OURS = """
import time, psutil
from PySide6.QtWidgets import QApplication
from app.gui.application import build_window
application = QApplication([])
window = build_window(application)
"""
_MEASURE = """
window.show()
window.grab()
print(time.time() - psutil.Process().create_time())
window.close()
"""


def seconds_to_window(program: str) -> list[float]:
    """Seconds from the start of the process to the first picture, for several runs."""
    with tempfile.TemporaryDirectory() as home:
        environment = os.environ | {"GRISTMILL_HOME": home, "QT_QPA_PLATFORM": "offscreen"}
        command = [sys.executable, "-c", program + _MEASURE]
        runs = [
            subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
            for _ in range(_RUNS + 1)
        ]
    # The first run warms the disk cache.
    return [float(run.stdout.split()[-1]) for run in runs[1:]]


def main() -> None:
    """Print a table."""
    empty, ours = seconds_to_window(_EMPTY), seconds_to_window(_OURS)
    print(f"{'':<24}{'median':>8}{'slowest':>10}")
    for name, runs in (("empty Qt window", empty), ("Gristmill", ours)):
        print(f"{name:<24}{statistics.median(runs):>7.2f}s{max(runs):>9.2f}s")


if __name__ == "__main__":
    main()
