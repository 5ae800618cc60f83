"""Stories with a window: see `app.gui.garbage`."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol() -> Iterator[None]:
    """Collect garbage between tests only, as `app.gui.garbage` does between events."""
    gc.disable()
    yield
    gc.enable()
    gc.collect()
    # What is left now stays: to look through it again after every test takes longer than the test.
    gc.freeze()
