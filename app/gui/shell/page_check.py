"""Open each page of the window once, as the child of `self-test --window`.

It prints the name of each page before it opens it, so that the last line names a failing one.
"""

from __future__ import annotations

import sys
from types import TracebackType

from PySide6.QtWidgets import QApplication

from app.gui.shell.application import build_window
from app.gui.shell.window import PAGES
from app.jobs.outcome import EXIT_FAILED


def open_each_page() -> int:
    """Open, lay out and draw the pages; return exit status 1 as soon as one raises."""
    faults: list[BaseException] = []

    def note(kind: type[BaseException], fault: BaseException, trace: TracebackType | None) -> None:
        # Qt calls most of a page's code, and doesn't propagate its exceptions.
        faults.append(fault)
        sys.__excepthook__(kind, fault, trace)

    sys.excepthook = note
    # The window is created with this page.
    _announce(PAGES[0])
    application = QApplication(sys.argv[:1])
    window = build_window(application)
    window.show()
    try:
        for name in PAGES:
            _announce(name)
            window.show_page(name)
            application.processEvents()
            window.grab()
            if faults:
                return EXIT_FAILED
    finally:
        window.close()
    return 0


def _announce(page: str) -> None:
    sys.stdout.write(f"{page}\n")
    sys.stdout.flush()
