"""Run pip as a child process that ends with its parent."""

from __future__ import annotations

import runpy
import sys
from collections.abc import Sequence

from app.jobs import lifeline


def run_pip(arguments: Sequence[str]) -> None:
    """Run pip with `arguments`, and end this process with its exit status."""
    lifeline.follow_parent()
    sys.argv = ["pip", *arguments]
    runpy.run_module("pip", run_name="__main__", alter_sys=True)
