"""Time from moving a slider of the offloading panel to the repaint: arithmetic, text and painting.

Run: `python -m tests.benchmarks.offloading_panel`. It should take at most 16 ms, a frame at 60 Hz.
On a busy machine, look at the time of the thread.
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
from app.gui.load_options.dialog import LoadOptionsDialog
from app.gui.shell.application import build_window
from app.gui.shell.garbage import GarbageCollection
from tests.support.profiles import file_profile

_MOVES = 200


Times = list[tuple[float, float]]
"""Wall-clock milliseconds and milliseconds of the thread, per move."""


def times_of_moves(dialog: LoadOptionsDialog, move: Callable[[int], None]) -> Times:
    """Time each move until everything that it changes is laid out and painted."""
    taken = []
    for number in range(_MOVES):
        clock, running = time.perf_counter(), time.thread_time()
        move(number)
        QApplication.processEvents()
        dialog.repaint()
        running, clock = time.thread_time() - running, time.perf_counter() - clock
        taken.append((1000 * clock, 1000 * running))
    return taken


def measure(dialog: LoadOptionsDialog, profile: ModelProfile) -> dict[str, Times]:
    """Time the moves of two sliders, with some other options changed, too."""
    dialog.open_for("/models/made-up.gguf", "Made up")
    dialog.finder.stop()
    dialog.finder.profile = profile
    dialog._on_found()
    form = dialog.form
    form.cache_type_k.setCurrentText("q8_0")
    form.micro_batch.setValue(1024)
    layers, context = form.gpu_layers.slider, form.context.number
    whole = profile.shape.layers + 2
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
            "no device": file_profile(),
            "one device": file_profile(8),
            "two devices": file_profile(8, 12, layers=80),
            "experts, two devices": file_profile(8, 12, layers=94, experts=128, layer_gb=1.4),
        }
        print(f"{'':<24}{'slider':<14}{'median':>9}{'slowest':>10}{'of the thread':>21}")
        for name, profile in machines.items():
            for slider, taken in measure(window.load_options, profile).items():
                columns = [
                    f"{statistics.median(times):>6.1f} ms{max(times):>7.1f} ms"
                    for times in zip(*taken, strict=True)
                ]
                print(f"{name:<24}{slider:<14}{'  '.join(columns)}")
        window.close()


if __name__ == "__main__":
    main()
