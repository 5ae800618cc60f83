"""What a child says when the one that started it is gone."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from app.jobs.launch import child_environment, command_line
from app.jobs.outcome import EXIT_CANCELED
from tests.support.engine.tiny_model import write_tiny_model


@pytest.mark.parametrize("verb", ["serve", "worker"])
def test_a_child_whose_input_is_closed_says_why_it_ends(verb: str, tmp_path: Path) -> None:
    arguments = [str(write_tiny_model(tmp_path / "tiny.gguf"))] if verb == "serve" else []
    child = subprocess.run(
        command_line(verb, *arguments),
        env=os.environ | child_environment(verb),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert child.returncode == EXIT_CANCELED
    (line,) = child.stderr.splitlines()
    assert line.startswith("gristmill stops because its standard input was closed.")
