"""A child is ended when it takes too long, but not because others have the processors."""

from __future__ import annotations

import os
import sys

import pytest

from app.jobs import child_process
from app.jobs.child_process import ChildProcess, run_verb


def test_a_child_that_takes_too_long_is_ended() -> None:
    ended = run_verb("worker", timeout_seconds=0.5)
    assert ended.returncode is None


def test_time_that_others_have_counts_for_little(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_process, "_LOOK_SECONDS", 0.1)
    monkeypatch.setattr(child_process.Contention, "share", lambda _: 1.0)
    # The interpreter alone takes longer to start.
    ended = run_verb("models", timeout_seconds=0.3)
    assert ended.returncode == 0


def test_a_child_is_fed_and_read_line_by_line() -> None:
    echo = "import sys\nfor line in sys.stdin: print(line.strip(), flush=True)"
    with ChildProcess([sys.executable, "-c", echo], os.environ) as child:
        child.send(b"first\n")
        assert child.lines.get(timeout=60).split() == [b"first"]
        assert child.wait(0) is None
    assert list(child.remaining_lines()) == []
    child.send(b"after its end\n")
    assert child.wait(0) not in (None, 0)


def test_more_than_a_pipe_holds_is_collected_from_both_streams() -> None:
    loud = "import sys\nfor to in sys.stdout, sys.stderr: to.write('x' * 2**20)"
    with ChildProcess([sys.executable, "-c", loud], os.environ) as child:
        assert child.wait(60) == 0
    assert b"".join(child.remaining_lines()) == b"x" * 2**20
    assert child.log() == "x" * 2**20


def test_a_log_that_nobody_wants_is_dropped() -> None:
    said = "import sys\nsys.stderr.write('x')"
    with ChildProcess([sys.executable, "-c", said], os.environ, keeps_log=False) as child:
        assert child.wait(60) == 0
    assert list(child.remaining_lines()) == []
    assert child.log() == ""
