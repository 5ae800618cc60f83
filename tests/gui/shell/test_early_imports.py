"""The first message finds its modules imported."""

from __future__ import annotations

import subprocess
import sys

_CHILD = """
import sys
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from app.gui.shell.early_imports import EarlyImports

application = QApplication([])
early = EarlyImports(application)
early._timer.timeout.connect(lambda: early._left or application.quit())
QTimer.singleShot(30_000, lambda: application.exit(3))
assert application.exec() == 0
before = set(sys.modules)
import app.gui.pages.chat.message_view
print(sorted(set(sys.modules) - before))
"""


def test_the_first_message_imports_nothing() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", _CHILD], capture_output=True, text=True, check=False, timeout=60
    )
    assert ended.stdout.strip() == "[]", ended.stderr
