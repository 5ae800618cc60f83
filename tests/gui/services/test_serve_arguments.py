"""The window's server runs exactly what “Copy as command line” says."""

from __future__ import annotations

import shlex
from pathlib import Path

from app.core.load_options import LoadOptions
from app.core.settings import Settings
from app.gui.services.serve_arguments import serve_arguments, serve_command
from app.gui.shell.window import MainWindow

SHARED = Settings(
    context=2048,
    workers=("mill:50052", "mill:50053"),
    shares_model=True,
    share_origins=("http://localhost:3000",),
    shares_in_network=True,
)


def test_a_command_is_quoted_and_has_the_workers_and_the_sharing() -> None:
    options = LoadOptions(gpu_layers=12, memory_map="off")
    words = shlex.split(serve_command("/a model.gguf", options, SHARED))
    assert words == ["gristmill", "serve", *serve_arguments("/a model.gguf", options, SHARED)]
    assert words[words.index("--gpu-layers") + 1] == "12"
    assert words.count("--worker") == 2
    assert words[words.index("--confirm-network") + 1] == "0.0.0.0"


def test_the_engine_is_started_with_the_arguments_of_the_command(
    window: MainWindow, tmp_path: Path
) -> None:
    path = str(tmp_path / "absent.gguf")
    own = LoadOptions(context=1024, threads=3)
    window._workbench.settings.change(model_options={path: own}, shares_model=True)
    engine = window._workbench.engine
    engine.load(path, "Absent")
    assert engine._child is not None
    started = engine._child._process.arguments()
    expected = serve_arguments(path, own, window._workbench.settings.value)
    assert started[-len(expected) :] == expected
