"""All that stands in the window comes from `tr`, but for names, examples and figures."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from app.gui.pages.hub.filter_bar import LICENSES
from app.gui.widgets.plain_text import unbroken

_TYPE = r"I?Q\d\w*|B?F16|F32"
_EXAMPLE = r"https?://\S+|hf_…|\S*/models"
_FIGURE = r"[\d.]+ GiB / [\d.]+ GiB"
_FORMAT = "safetensors|GGUF"
_LICENSE = "|".join(map(re.escape, LICENSES))
_PATH = r"/.*"
_SAME_EVERYWHERE = re.compile(
    rf"(?:{_TYPE}|{_EXAMPLE}|{_FIGURE}|{_FORMAT}|{_LICENSE}|{_PATH})", re.IGNORECASE
)


def test_the_window_speaks_a_made_up_language(home: Path) -> None:
    home.mkdir(parents=True)
    run = subprocess.run(
        [sys.executable, "-m", "tests.gui.shell.pseudo_language"],
        cwd=Path(__file__).parents[3],
        env=dict(os.environ),
        capture_output=True,
        check=True,
    )
    texts = [
        unbroken(re.sub(r"<[^>]+>", "", text.partition(": ")[2])) for text in json.loads(run.stdout)
    ]
    assert [text for text in texts if not _SAME_EVERYWHERE.fullmatch(text)] == []
