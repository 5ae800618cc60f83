"""One walk through the window: `python -m tests.gui.walk CHECKPOINT usual|longer|focus PART`.

It prints the faults of all places of a part (`parts.py`) as JSON. With usual and longer words these
are the faults of layout at each width, those of access once, and those of contrast in both themes;
with `focus`, those of the focus after each button. The environment sets the scale and the data
folder.
"""

from __future__ import annotations

import gettext
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from app.core import language

if TYPE_CHECKING:
    from app.core.settings import Theme
    from tests.gui.walk.places import Walk

WIDTHS = (820, 1000, 1120, 1600)
THEMES: tuple[Theme, ...] = ("light", "dark")
_HEIGHT = 760
_LONGER = 0.4


class _Longer(gettext.NullTranslations):
    """Sentences 40 % longer, as they are in other languages."""

    def gettext(self, message: str) -> str:
        extra = round(_LONGER * len(message))
        words = "xiny" * (extra // 4) if extra < 12 else " lorem ipsum dolor" * (extra // 18 + 1)
        return message + words[:extra]


def _faults(checkpoint: Path, part: str, *, of_focus: bool) -> list[str]:
    from PySide6.QtWidgets import QApplication

    from app.core import paths
    from app.gui.shell.application import build_window
    from tests.gui.walk.focus_faults import focus_faults
    from tests.gui.walk.parts import part_of
    from tests.gui.walk.places import Walk, wait_until, write_models
    from tests.support.hub.local_hub import LocalHub
    from tests.support.hub.served_models import serve_models

    write_models()
    hub = LocalHub()
    serve_models(hub, paths.home() / "served")
    os.environ["HF_ENDPOINT"] = hub.endpoint
    application = QApplication(sys.argv[:1])
    window = build_window(application)
    window.show()
    wait_until(lambda: len(window._workbench.models.models) > 1, "the models")
    with hub:
        walk = Walk(window, checkpoint, hub)
        find = focus_faults if of_focus else _sights
        places = [place for place in walk.places if part_of(place) == part]
        faults = [fault for place in places for fault in find(walk, place)]
        window.close()
    return faults


def _sights(walk: Walk, place: str) -> Iterator[str]:
    """Yield the faults of a place that can be seen, or heard with a screen reader."""
    from tests.gui.drop_downs import faults_of_lists
    from tests.gui.walk.access_faults import access_faults
    from tests.gui.walk.contrast_faults import contrast_faults
    from tests.gui.walk.layout_faults import layout_faults
    from tests.gui.walk.places import settle

    root = walk.open(place)
    for width in WIDTHS:
        walk.window.resize(width, _HEIGHT)
        settle()
        yield from (f"{place}, {width} px: {fault}" for fault in layout_faults(root))
        yield from (
            f"{place}, {width} px: {name}: {faults}" for name, faults in faults_of_lists(root)
        )
    yield from (f"{place}: {fault}" for fault in access_faults(root))
    for theme in THEMES:
        walk.window.theme.choose(theme)
        settle()
        yield from (f"{place}, {theme}: {fault}" for fault in contrast_faults(root))
    walk.leave()


if __name__ == "__main__":
    if sys.argv[2] == "longer":
        # Before the modules whose tables of texts are translated as they are imported.
        language._catalog = _Longer
    found = _faults(Path(sys.argv[1]), sys.argv[3], of_focus=sys.argv[2] == "focus")
    print(json.dumps(found))
