"""The offloading panel with profile that are made up, and one dressed application."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from app.core.load_options import LoadOptions
from app.estimation.model_profile import ModelProfile
from app.gui.load_options.dialog import LoadOptionsDialog
from app.gui.shell.window import MainWindow
from tests.gui.widgets.conftest import nothing_left, theme
from tests.support.profiles import file_profile

__all__ = ["nothing_left", "theme"]

PATH = "/nowhere/made-up.gguf"
PanelOpener = Callable[..., LoadOptionsDialog]


@pytest.fixture
def open_panel(window: MainWindow) -> PanelOpener:
    """Opens the panel for a model whose profile have been found."""

    def open_with(
        profile: ModelProfile | None = None, options: LoadOptions | None = None
    ) -> LoadOptionsDialog:
        panel = window.load_options
        panel.open_for(PATH, "Made up")
        panel.finder.stop()
        panel.finder.profile = profile or file_profile(8)
        panel.finder.found.emit(panel.finder.profile)
        if options is not None:
            panel.presets.chosen.emit(options)
        return panel

    return open_with
