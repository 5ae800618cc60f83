"""The window in a made-up language: `python -m tests.gui.shell.pseudo_language`.

Every text from `tr` is put in brackets. It prints the texts on the pages that have none, as JSON.
"""

from __future__ import annotations

import gettext
import json
import sys
from collections.abc import Iterator

from app.core import language

OPEN, CLOSE = "⟦", "⟧"


class _Brackets(gettext.NullTranslations):
    def gettext(self, message: str) -> str:
        return f"{OPEN}{message}{CLOSE}"


def _speak() -> None:
    """Must come before the modules whose tables of texts are translated as they are imported."""
    language._catalog = _Brackets


def _print_bare_texts() -> None:
    from PySide6.QtWidgets import QApplication, QWidget

    from app.gui.shell.application import build_window
    from app.gui.shell.window import PAGES

    application = QApplication(sys.argv[:1])
    window = build_window(application)
    window.show()
    seen: dict[str, None] = {}
    for page in PAGES:
        window.show_page(page)
        application.processEvents()
    for widget in window.findChildren(QWidget):
        seen |= dict.fromkeys(f"{type(widget).__name__}: {text}" for text in _bare(widget))
    window.close()
    print(json.dumps(list(seen)))


def _bare(widget: object) -> Iterator[str]:
    from PySide6.QtWidgets import QComboBox

    for name in ("text", "placeholderText", "toolTip", "accessibleName", "title"):
        read = getattr(widget, name, None)
        text = read() if callable(read) else ""
        if isinstance(text, str) and OPEN not in text and any(c.isalpha() for c in text):
            yield text
    if isinstance(widget, QComboBox):
        for number in range(widget.count()):
            text = widget.itemText(number)
            if OPEN not in text and any(c.isalpha() for c in text):
                yield text


if __name__ == "__main__":
    _speak()
    _print_bare_texts()
