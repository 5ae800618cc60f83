"""The window, with an engine that can come to harm."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication

from tests.support.engine.engine_faults import Client, prepare_home


@pytest.fixture
def client(qapp: QApplication, home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """A window with a tiny model."""
    model = prepare_home(home)
    monkeypatch.setenv("PYTHONPATH", str(home / "site"))
    client = Client(qapp, model)
    yield client
    client.close()
