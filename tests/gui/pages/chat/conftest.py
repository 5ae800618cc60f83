"""One styled application for all tests here."""

from __future__ import annotations

from tests.gui.widgets.conftest import nothing_left, theme

__all__ = ["nothing_left", "theme"]
