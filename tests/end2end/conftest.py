"""Stories with a window."""

from __future__ import annotations

from tests.support.machine.garbage import pytest_runtest_protocol

__all__ = ["pytest_runtest_protocol"]
