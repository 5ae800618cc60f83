"""Stories with a window."""

from __future__ import annotations

from tests.garbage import pytest_runtest_protocol

__all__ = ["pytest_runtest_protocol"]
