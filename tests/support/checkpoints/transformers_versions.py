"""Environments of child processes with either version of transformers."""

from __future__ import annotations

import os
from pathlib import Path

from app.conversion.converter.transformers_choice import Transformers
from tests.support.machine.installed import PERSONS_HOME

__all__ = ["Transformers", "environment_with", "pinned_packages"]


def pinned_packages() -> Path:
    """Return the folder of the packages that llama.cpp's converter pins."""
    (folder,) = (PERSONS_HOME / "converter-packages").iterdir()
    return folder


def environment_with(transformers: Transformers) -> dict[str, str]:
    """Return the environment of a process that imports this version and never contacts the Hub."""
    path = [str(pinned_packages())] if transformers == "pinned" else []
    return {
        **os.environ,
        "GRISTMILL_HOME": str(PERSONS_HOME),
        "PYTHONPATH": os.pathsep.join([*path, *filter(None, [os.environ.get("PYTHONPATH")])]),
        "HF_HUB_OFFLINE": "1",
        "PYTHONWARNINGS": "ignore",
    }
