"""A second start hands its files to the first window of the same data folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from app.gui.shell.single_instance import LaterInstances, hand_over

_CRASH = """
import os
from PySide6.QtCore import QCoreApplication
from app.gui.shell.single_instance import LaterInstances
application = QCoreApplication([])
later = LaterInstances(application)
os._exit(1)
"""

_START = """
import sys
from PySide6.QtCore import QCoreApplication
from app.gui.shell.single_instance import claim
application = QCoreApplication([])
sys.stdin.readline()
later = claim([], application)
print("first" if later else "later", flush=True)
sys.stdin.readline()
"""


def test_one_of_two_starts_at_the_same_moment_is_the_first(home: Path) -> None:
    """Both ask for a first window before one listens."""
    starts = [
        subprocess.Popen(
            [sys.executable, "-c", _START],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for start in starts:
        print(file=start.stdin, flush=True)
    answers = [start.stdout.readline().strip() for start in starts if start.stdout]
    for start in starts:
        start.communicate("\n", timeout=60)
    assert sorted(answers) == ["first", "later", "later", "later"]


def test_without_a_window_nothing_is_handed_over(qapp: QObject, home: Path) -> None:
    """The first start opens its own window."""
    assert not hand_over([str(home / "model.gguf")])


def test_first_window_gets_the_paths_and_links(qtbot: QtBot, qapp: QObject, home: Path) -> None:
    """Names of any script arrive, and so does a start without files."""
    parent = QObject()
    later = LaterInstances(parent)
    for opened in ([str(home / "Größe 模型.gguf"), "gristmill://owner/name"], []):
        with qtbot.waitSignal(later.received) as signal:
            assert hand_over(opened)
        assert signal.args == [opened]


def test_socket_left_by_a_crash_is_replaced(qtbot: QtBot, qapp: QObject, home: Path) -> None:
    """After a crash the next window listens again."""
    subprocess.run([sys.executable, "-c", _CRASH], check=False, timeout=60)
    assert not hand_over([])
    parent = QObject()
    later = LaterInstances(parent)
    with qtbot.waitSignal(later.received):
        assert hand_over([])
