"""What others do on the processors is told apart from what this process and its children do."""

from __future__ import annotations

import subprocess
import sys
import time

import psutil

from app.machine.contention import Contention

_SECONDS = 0.6
_WORK = f"import time\nwhile time.process_time() < {_SECONDS}: pass"
_LET_ANOTHER_WORK = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {_WORK!r}])"
_STEPS = 0.1
"""So inexact are the figures of a system that counts in steps of ten milliseconds."""


def shares_of(code: str) -> tuple[float, float]:
    """The share of others while a child runs the code, and what its work is of all cores' time."""
    cores = len(psutil.Process().cpu_affinity() or ())
    interference, began = Contention(), time.monotonic()
    # Its output is open until the last that it started has ended.
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    passed = time.monotonic() - began
    return interference.share(), _SECONDS / (cores * passed)


def test_others_take_a_share_of_their_own() -> None:
    share, work = shares_of(_LET_ANOTHER_WORK)
    assert work - _STEPS < share <= 1


def test_children_are_no_others() -> None:
    share, work = shares_of(_WORK)
    assert 0 <= share < 1 - work + _STEPS


def test_this_process_is_no_other() -> None:
    interference, began = Contention(), time.monotonic()
    ends = time.process_time() + _SECONDS
    while time.process_time() < ends:
        pass
    cores = len(psutil.Process().cpu_affinity() or ())
    work = _SECONDS / (cores * (time.monotonic() - began))
    assert 0 <= interference.share() < 1 - work + _STEPS
