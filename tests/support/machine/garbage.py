"""Tests with a window collect garbage between themselves only: see `app.gui.shell.garbage`.

Once a conftest.py that imports the hook is loaded, pytest calls it for every test of the process.
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
    # What is left now stays: to look through it again after every test takes longer than the test.
    gc.freeze()
