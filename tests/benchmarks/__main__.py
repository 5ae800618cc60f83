"""Run every benchmark: `python -m tests.benchmarks`."""

from __future__ import annotations

import runpy
from pathlib import Path

for module in sorted(Path(__file__).parent.glob("*.py")):
    if not module.stem.startswith("__"):
        print(f"\n== {module.stem}")
        runpy.run_module(f"tests.benchmarks.{module.stem}", run_name="__main__")
