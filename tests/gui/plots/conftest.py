"""What the tests of plots need."""

from __future__ import annotations

from tests.gui.widgets.conftest import theme

__all__ = ["theme"]
