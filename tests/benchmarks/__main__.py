"""Run benchmarks: `python -m tests.benchmarks [NAME …]`, all of them without a name."""

from __future__ import annotations

import argparse
import runpy
import sys
from pathlib import Path

MODULES = sorted(
    module.stem for module in Path(__file__).parent.glob("*.py") if not module.stem.startswith("__")
)
parser = argparse.ArgumentParser()
parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(MODULES))
given = parser.parse_args()
if unknown := [name for name in given.names if name not in MODULES]:
    parser.error(f"unknown: {', '.join(unknown)}; there are {', '.join(MODULES)}")
# Benchmarks have arguments of their own.
del sys.argv[1:]
for name in given.names or MODULES:
    print(f"\n== {name}")
    runpy.run_module(f"tests.benchmarks.{name}", run_name="__main__")
