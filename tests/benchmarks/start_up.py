"""Time from the start of the process to the painted window, compared with an empty Qt window.

Run: `python -m tests.benchmarks.start_up`.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time

_RUNS = 7
_EMPTY = """
import sys, time
from PySide6.QtWidgets import QApplication, QMainWindow
application = QApplication([])
window = QMainWindow()
"""
_OURS = """
import sys, time
from PySide6.QtWidgets import QApplication
from app.gui.shell.application import build_window
application = QApplication([])
window = build_window(application)
"""
_MEASURE = """
window.show()
window.grab()
print(time.time() - float(sys.argv[1]))
window.close()
"""


def seconds_to_window(program: str) -> list[float]:
    """Return the seconds from the start of the process to the first frame, for several runs."""
    with tempfile.TemporaryDirectory() as home:
        environment = os.environ | {"GRISTMILL_HOME": home, "QT_QPA_PLATFORM": "offscreen"}
        runs = [_run(program + _MEASURE, environment) for _ in range(_RUNS + 1)]
    # The first run warms the disk cache.
    return runs[1:]


def _run(program: str, environment: dict[str, str]) -> float:
    # The system records the start of a process in whole seconds, so the time is passed along.
    command = [sys.executable, "-c", program, str(time.time())]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return float(ended.stdout.split()[-1])


def main() -> None:
    """Print a table."""
    empty, ours = seconds_to_window(_EMPTY), seconds_to_window(_OURS)
    print(f"{'':<24}{'median':>8}{'slowest':>10}")
    for name, runs in (("empty Qt window", empty), ("Gristmill", ours)):
        print(f"{name:<24}{statistics.median(runs):>7.2f}s{max(runs):>9.2f}s")


if __name__ == "__main__":
    main()
