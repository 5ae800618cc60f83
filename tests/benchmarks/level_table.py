"""Time from moving a slider above the table of levels to the repainted window.

Run: `python -m tests.benchmarks.level_table`. The profile is made up: a model with 80 layers on a
machine with two devices; a frame takes 16 ms. `processor` is the CPU time of this process,
which other programs don't affect.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

_MOVES = 200
_FRAME_MS = 16


def main() -> None:
    """Print a table."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    with tempfile.TemporaryDirectory() as home:
        os.environ["GRISTMILL_HOME"] = home
        _measure(Path(home))


def _measure(home: Path) -> None:
    from PySide6.QtWidgets import QApplication

    from app.gui.shell.application import build_window
    from tests.support.profiles import ALL_LEVELS, USUAL_LEVELS

    application = QApplication(sys.argv[:1])
    window = build_window(application)
    window.resize(1280, 800)
    window.show_page("convert")
    window.show()
    print(f"{'':<24}{'median':>10}{'worst':>10}{'processor':>12}{'worst':>10}   ms")
    for levels in (USUAL_LEVELS, ALL_LEVELS):
        for expert_part in (0.0, 0.9):
            times = _times(application, window.convert, levels, expert_part, home)
            name = f"{len(levels)} levels" + (", experts" if expert_part else "")
            wall, worked = ([each[which] for each in times] for which in (0, 1))
            print(
                f"{name:<24}{median(wall):>10.1f}{max(wall):>10.1f}"
                f"{median(worked):>12.1f}{max(worked):>10.1f}"
                f"   {sum(each > _FRAME_MS for each in worked)} of {_MOVES} beyond {_FRAME_MS}"
            )
    window.close()


def _times(
    application: object, page: object, levels: Sequence[str], expert_part: float, home: Path
) -> list[tuple[float, float]]:
    from PySide6.QtWidgets import QApplication

    from app.core.events import LevelPlanned
    from app.gui.pages.convert.page import ConvertPage
    from tests.support.profiles import checkpoint_profile, made_machine

    assert isinstance(application, QApplication)
    assert isinstance(page, ConvertPage)
    profile = checkpoint_profile(
        made_machine(24, 24, ram_gb=128),
        parameters=70e9,
        layers=80,
        levels=levels,
        expert_part=expert_part,
    )
    step = page.levels_step
    step.reset()
    page.session.locate(str(home))
    page._show_step(1)
    for level in profile.levels:
        size, bits = level.size_bytes or 0, level.bits_per_weight or 0.0
        step.add_level(LevelPlanned(level.level, size, bits, str(home / f"{level.level}.gguf")))
    step.finish(True)
    application.processEvents()
    step.picker.take_profile(profile)
    application.processEvents()
    times = []
    for move in range(_MOVES):
        began = (time.perf_counter(), time.process_time())
        step.picker.strip.context.number.setValue(512 * (2 + move))
        step.table.viewport().repaint()
        ended = (time.perf_counter(), time.process_time())
        times.append((1000 * (ended[0] - began[0]), 1000 * (ended[1] - began[1])))
        # Work that this move deferred must not count for the next one.
        application.processEvents()
    return times


if __name__ == "__main__":
    main()
