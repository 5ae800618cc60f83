"""What others do on the processors is told apart from what this process does."""

from __future__ import annotations

import subprocess
import sys
import time

from app.estimation.interference import Interference

_SECONDS = 0.3
_BUSY = f"import time; end = time.monotonic() + {2 * _SECONDS}\nwhile time.monotonic() < end: pass"


def work_here() -> None:
    end = time.process_time() + _SECONDS
    while time.process_time() < end:
        pass


def test_others_take_a_share_of_their_own() -> None:
    interference = Interference()
    work_here()
    alone = interference.share()
    with subprocess.Popen([sys.executable, "-c", _BUSY]) as other:
        other.wait()
    beside = interference.share()
    assert 0 <= alone <= 1
    assert 0 < beside <= 1
