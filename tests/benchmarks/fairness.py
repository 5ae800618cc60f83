"""Time of short requests while another client sends huge ones.

Run: `python -m tests.benchmarks.fairness` after `make setup`. A client requests short replies of
the starter model from `serve`, first undisturbed, then while a separate process sends the requests
of `tests.support.engine.heavy_requests`. The time may at most double.
"""

from __future__ import annotations

import multiprocessing
import os
import statistics
import tempfile
import time
from multiprocessing.synchronize import Event
from pathlib import Path

from app.core.events import Ready
from tests.processes.serving import Server, serving
from tests.support.engine.heavy_requests import heavy_load
from tests.support.machine.installed import PERSONS_HOME

_ROUNDS = 40
_SHORT = {"max_tokens": 8, "temperature": 0}


def main() -> None:
    """Print a table."""
    with tempfile.TemporaryDirectory() as home:
        os.environ["GRISTMILL_HOME"] = home
        (Path(home) / "models").mkdir()
        (Path(home) / "models" / "starter").symlink_to(PERSONS_HOME / "models" / "starter")
        with serving("starter", "--context", "4096", "--slots", "4") as server:
            _measure(server)


def _measure(server: Server) -> None:
    server.chat("Hello", **_SHORT)
    alone = _seconds(server)
    context = multiprocessing.get_context("spawn")
    begun, ended = context.Event(), context.Event()
    others = context.Process(target=_disturb, args=(server.ready, begun, ended))
    others.start()
    begun.wait()
    beside = _seconds(server)
    ended.set()
    others.join()
    print(f"{'':<12}{'median':>10}{'longest':>10}")
    for name, seconds in (("alone", alone), ("beside", beside)):
        print(f"{name:<12}{statistics.median(seconds):>8.3f} s{max(seconds):>8.3f} s")
    print(f"{'ratio':<12}{statistics.median(beside) / statistics.median(alone):>10.2f}")


def _disturb(ready: Ready, begun: Event, ended: Event) -> None:
    # Only its address and key are needed here.
    with heavy_load(Server(None, ready)) as answered:  # type: ignore[arg-type]
        begun.set()
        ended.wait()
    counts = {status: answered.count(status) for status in sorted(set(answered))}
    print(f"the others were answered with {counts}")


def _seconds(server: Server) -> list[float]:
    found = []
    for number in range(_ROUNDS):
        began = time.perf_counter()
        server.chat(f"What is {number} and {number}?", **_SHORT)
        found.append(time.perf_counter() - began)
    return found


if __name__ == "__main__":
    main()
