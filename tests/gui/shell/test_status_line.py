"""The line below the window tells what holds for the loaded model, and tells it once."""

from __future__ import annotations

from PySide6.QtWidgets import QApplication

from app.core.events import Ready
from app.gui.services.engine import EngineConnected, EngineIdle, EngineLoading, EngineReady
from app.gui.shell.window import MainWindow


def ready(name: str) -> EngineReady:
    server = Ready("http://127.0.0.1:1", "", name, "Q6_K", 4096, 0, 2)
    return EngineReady(f"/models/{name}.gguf", name, server)


def test_the_speed_is_forgotten_with_its_model(window: MainWindow) -> None:
    status = window.status
    show = window._workbench.engine.changed.emit
    show(ready("one"))
    status.show_speed(8.52)
    show(ready("one"))
    assert status._speed.text() == "8.5 tokens/s"
    show(EngineLoading("/models/two.gguf", "two", 0.5))
    assert status._speed.text() == ""
    show(EngineConnected("far/model", "model", "http://host:1", "", "host:1"))
    status.show_speed(1934.2)
    assert status._speed.text() == "1,934 tokens/s"
    show(ready("two"))
    assert status._speed.text() == ""
    status.show_speed(3.0)
    show(EngineIdle())
    assert status._speed.text() == ""


def test_the_level_is_told_once(window: MainWindow) -> None:
    show = window._workbench.engine.changed.emit
    show(ready("NewModel-135M-Instruct-Q6_K"))
    assert window.status._model.text() == "NewModel-135M-Instruct-Q6_K · context 4,096"
    show(ready("NewModel"))
    assert window.status._model.text() == "NewModel · Q6_K · context 4,096"


def test_a_shared_model_has_its_address_below_every_page(window: MainWindow) -> None:
    engine, status = window._workbench.engine, window.status
    engine.sharing, engine.state = ["--port", "1"], ready("one")
    engine.changed.emit(engine.state)
    assert status._sharing.isVisible()
    assert status._sharing.whole_text == "Shared at http://127.0.0.1:1/v1"
    engine.sharing = []
    engine.changed.emit(engine.state)
    assert status._sharing.isHidden()


def test_what_matters_least_goes_first(window: MainWindow) -> None:
    name = "Dropped-Model-With-A-Long-Name-135M-Instruct-Q4_K_M"
    status = window.status
    window._workbench.engine.changed.emit(ready(name))
    status.show_speed(8.5)
    status._show_taken("The model takes 1.2 GB, as predicted", "")
    window.resize(1600, 640)
    QApplication.processEvents()
    parts = (status._bar, status._memory, status._taken, status._speed)
    assert all(part.isVisible() for part in parts)
    for width in (1200, 1000, 820, 720):
        window.resize(width, 640)
        QApplication.processEvents()
        assert status._model.text() == status._model.whole_text
        shown = [part.isVisible() for part in parts]
        assert shown == sorted(shown)
    assert not status._memory.isVisible()
    window.resize(1600, 640)
    QApplication.processEvents()
    assert all(part.isVisible() for part in parts)
