"""The converter that setup installed, linked into data folders of tests."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

PERSONS_HOME = Path(
    os.environ.get("GRISTMILL_HOME") or platformdirs.user_data_path("gristmill", appauthor=False)
)
_PARTS = ("converter", "converter-packages")


def lend_converter(home: Path) -> Path:
    """Link llama.cpp's converter and its packages into a data folder; return the converter's."""
    home.mkdir(parents=True, exist_ok=True)
    for part in _PARTS:
        installed = PERSONS_HOME / part
        assert installed.is_dir(), "run `make setup` first: it fetches the converter"
        (home / part).symlink_to(installed, target_is_directory=True)
    return home / _PARTS[0]
