"""pip as a child process that ends with its parent: `python -m app.jobs.pip ARGUMENTS`."""

from __future__ import annotations

import runpy
import sys

from app.jobs import lifeline

if __name__ == "__main__":
    lifeline.follow_parent()
    sys.argv[0] = "pip"
    runpy.run_module("pip", run_name="__main__", alter_sys=True)
