"""Opens each page of the window once: the child of `self-test --window`.

It prints the name of each page before it opens it, so that the last line names the one at fault.
"""

from __future__ import annotations

import sys
from types import TracebackType

from PySide6.QtWidgets import QApplication

from app.gui.shell.application import build_window
from app.gui.shell.window import PAGES
from app.jobs.outcome import EXIT_FAILED


def open_each_page() -> int:
    """Open, lay out and draw the pages; the exit status is 1 as soon as one raises."""
    faults: list[BaseException] = []

    def note(kind: type[BaseException], fault: BaseException, trace: TracebackType | None) -> None:
        # Qt calls most of a page's code, and lets nothing that is raised there through.
        faults.append(fault)
        sys.__excepthook__(kind, fault, trace)

    sys.excepthook = note
    # The window is made with this page in it.
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
