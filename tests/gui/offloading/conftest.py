"""The offloading dialog with a made-up profile, and one styled application."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from app.core.load_options import LoadOptions
from app.estimation.model_profile import ModelProfile
from app.gui.offloading.dialog import OffloadingDialog
from app.gui.shell.window import MainWindow
from tests.gui.widgets.conftest import nothing_left, theme
from tests.support.machine.made_up_facts import made_up_facts

__all__ = ["nothing_left", "theme"]

PATH = "/nowhere/made-up.gguf"
PanelOpener = Callable[..., OffloadingDialog]


@pytest.fixture
def open_panel(window: MainWindow) -> PanelOpener:
    """Opens the panel for a model whose facts have been found."""

    def open_with(
        facts: ModelProfile | None = None, options: LoadOptions | None = None
    ) -> OffloadingDialog:
        panel = window.offloading
        panel.open_for(PATH, "Made up")
        panel.finder.stop()
        panel.finder.profile = facts or made_up_facts(8)
        panel.finder.found.emit(panel.finder.profile)
        if options is not None:
            panel.presets.chosen.emit(options)
        return panel

    return open_with
