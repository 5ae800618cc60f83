"""One walk through the window: `python -m tests.gui.walk CHECKPOINT longer|usual`.

It prints the faults of all places as JSON: those of layout at each width, those of access once,
those of contrast in both themes. The environment sets the scale and the data folder.
"""

from __future__ import annotations

import gettext
import json
import sys
from pathlib import Path

from app.core import language

WIDTHS = (820, 1000, 1120, 1600)
_HEIGHT = 760
_LONGER = 0.4


class _Longer(gettext.NullTranslations):
    """Sentences 40 % longer, as they are in other languages."""

    def gettext(self, message: str) -> str:
        extra = round(_LONGER * len(message))
        words = "xiny" * (extra // 4) if extra < 12 else " lorem ipsum dolor" * (extra // 18 + 1)
        return message + words[:extra]


def _walk(checkpoint: Path) -> list[str]:
    from PySide6.QtWidgets import QApplication

    from app.gui.shell.application import build_window
    from tests.gui.walk.access_faults import access_faults
    from tests.gui.walk.contrast_faults import contrast_faults
    from tests.gui.walk.layout_faults import layout_faults
    from tests.gui.walk.places import Walk, settle, wait_until, write_models

    write_models()
    application = QApplication(sys.argv[:1])
    window = build_window(application)
    window.show()
    wait_until(lambda: len(window._workbench.models.models) > 1, "the models")
    walk = Walk(window, checkpoint)
    faults: list[str] = []
    for name in walk.places:
        root = walk.open(name)
        for width in WIDTHS:
            target = window if root is window else root
            window.resize(width, _HEIGHT)
            settle()
            faults += [f"{name}, {width} px: {fault}" for fault in layout_faults(target)]
        faults += [f"{name}: {fault}" for fault in access_faults(root)]
        for theme in ("light", "dark"):
            window.theme.choose(theme)
            settle()
            faults += [f"{name}, {theme}: {fault}" for fault in contrast_faults(root)]
        walk.leave()
    window.close()
    return faults


if __name__ == "__main__":
    if sys.argv[2] == "longer":
        # Before the modules whose tables of texts are translated as they are imported.
        language._catalog = _Longer
    print(json.dumps(_walk(Path(sys.argv[1]))))
