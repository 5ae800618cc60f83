"""Nothing is cut, unnamed, out of reach or too faint on any page or dialog."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.gui.walk.parts import PARTS
from tests.support.checkpoints.checkpoints import make_tiny_checkpoint

pytestmark = pytest.mark.slow

_SCREEN = Path(__file__).parents[2] / "support" / "machine" / "screen.json"


@pytest.mark.usefixtures("converter", "known_machine")
@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("words", ["usual", "longer"])
@pytest.mark.parametrize("scale", [1, 1.5, 2])
def test_nothing_is_cut_unnamed_or_faint(
    tmp_path: Path, scale: float, words: str, part: str
) -> None:
    _expect_no_fault(tmp_path, words, part, scale)


@pytest.mark.usefixtures("converter", "known_machine")
@pytest.mark.parametrize("part", PARTS)
def test_the_focus_stays_safe_after_every_button(tmp_path: Path, part: str) -> None:
    _expect_no_fault(tmp_path, "focus", part, 1)


def _expect_no_fault(folder: Path, walk: str, part: str, scale: float) -> None:
    (screen,) = json.loads(_SCREEN.read_text())["screens"]
    for length in ("width", "height"):
        screen[length] = round(scale * screen[length])
    screens = folder / "screens.json"
    screens.write_text(json.dumps({"screens": [screen]}))
    checkpoint = make_tiny_checkpoint(folder / "tiny")
    run = subprocess.run(
        [sys.executable, "-m", "tests.gui.walk", str(checkpoint), walk, part],
        cwd=Path(__file__).parents[3],
        env={
            **os.environ,
            "QT_QPA_PLATFORM": f"offscreen:configfile={screens}",
            "QT_SCALE_FACTOR": str(scale),
            "HF_ENDPOINT": "http://127.0.0.1:9",
        },
        stdout=subprocess.PIPE,
        check=True,
    )
    faults = json.loads(run.stdout.splitlines()[-1])
    assert not faults, "\n".join(faults)
