"""Processes with slow imports already done; every run is a fork of one."""

from __future__ import annotations

import atexit
import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.machine.verbs import ROOT

_SERVE = """
import json, os, runpy, sys
exec(sys.argv[1])
for line in sys.stdin:
    program, log, *arguments = json.loads(line)
    if child := os.fork():
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
        continue
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(os.open(log, os.O_WRONLY), 1)
    os.dup2(1, 2)
    sys.argv = [program, *arguments]
    if program.endswith(".py"):
        sys.path[0] = os.path.dirname(program)
        runpy.run_path(program, run_name="__main__")
    else:
        runpy.run_module(program, run_name="__main__", alter_sys=True)
    sys.stdout.flush()
    os._exit(0)
"""


@dataclass(frozen=True)
class Run:
    """The exit status of a run, negative for a signal, and its output."""

    status: int
    output: str


class PreparedProcess:
    """A process that has run the statements of `preparation` and ends with this one."""

    def __init__(
        self,
        preparation: str,
        environment: Mapping[str, str] | None = None,
        arguments: Sequence[str] = (),
    ) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _SERVE, preparation, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=ROOT,
            env=environment,
            encoding="utf-8",
        )
        self._lock = threading.Lock()
        atexit.register(self._end)

    def run(self, program: str, *arguments: str) -> Run:
        """Run a script or a module in a fork to its end; one at a time."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with tempfile.NamedTemporaryFile("r", encoding="utf-8", errors="replace") as log:
            order = json.dumps([program, log.name, *arguments])
            with self._lock:
                self._process.stdin.write(order + "\n")
                self._process.stdin.flush()
                status = int(self._process.stdout.readline())
            return Run(status, Path(log.name).read_text("utf-8", "replace"))

    def _end(self) -> None:
        with self._process:
            pass
