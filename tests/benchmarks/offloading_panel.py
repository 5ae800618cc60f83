"""From a slider's move to the picture: the offloading panel's arithmetic, text and paint.

Run: `python -m tests.benchmarks.offloading_panel`. A picture should take at most 16 ms, one frame
of a screen with 60 of them a second. On a machine with other work, look at the time of the thread.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from PySide6.QtWidgets import QApplication

from app.core import paths
from app.estimation.model_profile import ModelProfile
from app.gui.offloading.dialog import OffloadingDialog
from app.gui.shell.application import build_window
from app.gui.shell.garbage import GarbageCollection
from tests.support.machine.made_up_facts import made_up_facts

_MOVES = 200


Times = list[tuple[float, float]]
"""Milliseconds by the clock, and those that the thread was running, of each move."""


def times_of_moves(dialog: OffloadingDialog, move: Callable[[int], None]) -> Times:
    """From the move until all that it changes is laid out and painted."""
    taken = []
    for number in range(_MOVES):
        clock, running = time.perf_counter(), time.thread_time()
        move(number)
        QApplication.processEvents()
        dialog.repaint()
        running, clock = time.thread_time() - running, time.perf_counter() - clock
        taken.append((1000 * clock, 1000 * running))
    return taken


def measure(dialog: OffloadingDialog, facts: ModelProfile) -> dict[str, Times]:
    """The moves of two sliders, while other options are not as usual either."""
    dialog.open_for("/models/made-up.gguf", "Made up")
    dialog.finder.stop()
    dialog.finder.profile = facts
    dialog._on_found()
    form = dialog.form
    form.cache_type_k.setCurrentText("q8_0")
    form.micro_batch.setValue(1024)
    layers, context = form.gpu_layers.slider, form.context.number
    whole = facts.shape.layers + 2
    taken = {
        "context": times_of_moves(dialog, lambda at: context.setValue(512 + 157 * at)),
        "GPU layers": times_of_moves(dialog, lambda at: layers.setValue(at * 7 % whole)),
    }
    dialog.close()
    return taken


def main() -> None:
    """Print a table."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    with tempfile.TemporaryDirectory() as home:
        os.environ["GRISTMILL_HOME"] = home
        Path(home).mkdir(exist_ok=True)
        paths.engine_file().write_text("{}")
        application = QApplication([])
        window = build_window(application)
        GarbageCollection(application)
        window.show()
        machines = {
            "no device": made_up_facts(),
            "one device": made_up_facts(8),
            "two devices": made_up_facts(8, 12, layers=80),
            "experts, two devices": made_up_facts(8, 12, layers=94, experts=128, layer_gb=1.4),
        }
        print(f"{'':<24}{'slider':<14}{'median':>9}{'slowest':>10}{'of the thread':>21}")
        for name, facts in machines.items():
            for slider, taken in measure(window.offloading, facts).items():
                columns = [
                    f"{statistics.median(times):>6.1f} ms{max(times):>7.1f} ms"
                    for times in zip(*taken, strict=True)
                ]
                print(f"{name:<24}{slider:<14}{'  '.join(columns)}")
        window.close()


if __name__ == "__main__":
    main()
