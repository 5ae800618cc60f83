"""Garbage collection only between tests with a window: see `app.gui.shell.garbage`.

Once a conftest.py imports the hook, pytest calls it for every test of the process.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol() -> Iterator[None]:
    """Collect garbage between tests only, as `app.gui.shell.garbage` does between events."""
    gc.disable()
    yield
    gc.enable()
    gc.collect()
    # Objects that exist now stay: scanning them again after every test takes longer than the test.
    gc.freeze()
