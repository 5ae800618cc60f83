from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from app.gui.shell.garbage import GarbageCollection


class Knot:
    def __init__(self) -> None:
        self.itself = self


@pytest.fixture
def owner() -> Iterator[QObject]:
    thresholds = gc.get_threshold()
    yield QObject()
    gc.set_threshold(*thresholds)
    gc.unfreeze()
    gc.enable()


def test_garbage_goes_between_events(qtbot: QtBot, owner: QObject) -> None:
    GarbageCollection(owner)
    assert not gc.isenabled()
    gc.set_threshold(10, 10, 10)
    knot = weakref.ref(Knot())
    keep = [[] for _ in range(100)]
    assert knot() is not None
    qtbot.waitUntil(lambda: knot() is None, timeout=10_000)
    assert len(keep) == 100
