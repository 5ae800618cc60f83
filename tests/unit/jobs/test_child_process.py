"""A child is ended when it takes too long, but not because others have the processors."""

from __future__ import annotations

import pytest

from app.jobs import child_process
from app.jobs.child_process import run_verb


def test_a_child_that_takes_too_long_is_ended() -> None:
    ended = run_verb("worker", timeout_seconds=0.5)
    assert ended.returncode is None


def test_time_that_others_have_counts_for_little(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_process, "_LOOK_SECONDS", 0.1)
    monkeypatch.setattr(child_process.Contention, "share", lambda _: 1.0)
    # The interpreter alone takes longer to start.
    ended = run_verb("models", timeout_seconds=0.3)
    assert ended.returncode == 0
