"""Delay of the window's event loop during nine conversions, while a reply streams and keys come.

Run: `python -m tests.benchmarks.event_loop` after `make setup`. A timer that fires every 5 ms
records its delay; the design allows 50 ms at the 99th percentile and 150 ms at most. Beside each
long delay stand the processor time that the window's thread used in it (the rest is what other
programs took), the time of the garbage collector, and where the thread was.
"""

from __future__ import annotations

import gc
import os
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from tests.support.machine.installed import PERSONS_HOME, lend_converter

_INTERVAL_MS = 5
_SAMPLE_SECONDS = 0.002
_KEY_MS = 50
_LONG_MS = 25
_SHOWN = 12
_PATIENCE_SECONDS = 600
_PROMPT = "Write a long story about a miller, with a list, a table and some Python code."
_KEYS = "The quick brown fox jumps over the lazy dog. "
_LEVELS = ("Q2_K", "Q3_K_M", "Q4_0", "Q4_K_S", "Q4_K_M", "Q5_K_M", "Q6_K", "Q8_0", "F16")
_ROOT = str(Path(__file__).resolve().parents[2])


@dataclass
class _Gap:
    """A delay of the timer, in milliseconds, and its causes."""

    late: float
    used: float
    collecting: float
    places: Counter[str] = field(default_factory=Counter)


class _Watch:
    """Samples the window's thread from another one, between the ticks of the timer."""

    def __init__(self) -> None:
        self.gaps: list[_Gap] = []
        self._thread = threading.get_ident()
        self._clock = time.pthread_getcpuclockid(self._thread)
        self._places: list[str] = []
        self._collecting = self._collection_began = 0.0
        self._last, self._used = time.monotonic(), 0.0
        self._is_over = False
        gc.callbacks.append(self._on_collection)
        threading.Thread(target=self._sample, daemon=True).start()

    def start(self) -> None:
        """Count from now on."""
        self.gaps.clear()
        self._restart()

    def tick(self) -> None:
        """Note the delay since the last tick."""
        late = 1000 * (time.monotonic() - self._last) - _INTERVAL_MS
        used = 1000 * (time.clock_gettime(self._clock) - self._used)
        gap = _Gap(late, used, 1000 * self._collecting)
        if late >= _LONG_MS:
            gap.places = Counter(self._places)
        self.gaps.append(gap)
        self._restart()

    def stop(self) -> None:
        """End the sampling."""
        self._is_over = True
        gc.callbacks.remove(self._on_collection)

    def _restart(self) -> None:
        self._places = []
        self._collecting = 0.0
        self._last, self._used = time.monotonic(), time.clock_gettime(self._clock)

    def _sample(self) -> None:
        while not self._is_over:
            time.sleep(_SAMPLE_SECONDS)
            frame = sys._current_frames().get(self._thread)
            if frame is not None:
                self._places.append(_place(frame))

    def _on_collection(self, phase: str, _: dict[str, int]) -> None:
        if phase == "start":
            self._collection_began = time.monotonic()
        else:
            self._collecting += time.monotonic() - self._collection_began


def _place(frame: FrameType) -> str:
    """Return the innermost three functions of this program, the innermost first."""
    own = [one for one in traceback.extract_stack(frame) if one.filename.startswith(_ROOT)]
    names = [f"{Path(one.filename).stem}.{one.name}:{one.lineno}" for one in reversed(own)]
    return " < ".join(names[:3])


def main() -> None:
    """Print a table."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    with tempfile.TemporaryDirectory() as home:
        os.environ["GRISTMILL_HOME"] = home
        (Path(home) / "models").mkdir()
        lend_converter(Path(home))
        (Path(home) / "models" / "starter").symlink_to(PERSONS_HOME / "models" / "starter")
        _measure()


def _measure() -> None:
    from PySide6.QtCore import QTimer
    from PySide6.QtTest import QTest
    from PySide6.QtWidgets import QApplication, QPlainTextEdit

    from app.gui.services.engine import EngineReady
    from app.gui.shell.application import build_window
    from app.gui.shell.early_imports import EarlyImports
    from app.gui.shell.garbage import GarbageCollection
    from tests.support.checkpoints.checkpoints import smollm2_checkpoint

    application = QApplication(sys.argv[:1])
    source = str(smollm2_checkpoint(shards=2))
    window = build_window(application)
    GarbageCollection(application)
    EarlyImports(application)
    window.show()
    watch = _Watch()
    timer = QTimer(interval=_INTERVAL_MS)
    timer.timeout.connect(watch.tick)
    bench = window._workbench
    _until(application, lambda: bool(bench.models.models))
    model = bench.models.models[0]
    window.start_chat(model.path, model.name)
    _until(application, lambda: isinstance(bench.engine.state, EngineReady))
    field_of_text = window.chat.findChild(QPlainTextEdit)
    typed = 0

    def press() -> None:
        nonlocal typed
        QTest.keyClick(field_of_text, _KEYS[typed % len(_KEYS)])
        typed += 1

    keys = QTimer(interval=_KEY_MS)
    keys.timeout.connect(press)
    watch.start()
    timer.start()
    keys.start()
    levels = [word for level in _LEVELS for word in ("--level", level)]
    options = (*levels, "--to", str(Path(os.environ["GRISTMILL_HOME"]) / "out"))
    task = bench.tasks.add("convert", "benchmark", "convert", source, *options)
    rounds = 0
    while not task.is_over or rounds < 2:
        window.chat.session.send(_PROMPT)
        _until(application, lambda: not window.chat.session.is_replying)
        rounds += 1
    timer.stop()
    keys.stop()
    watch.stop()
    lost = typed - len(field_of_text.toPlainText())
    window.close()
    print(f"{rounds} replies, {len(_LEVELS)} files ({task.state}), {typed} keys, {lost} lost")
    _print_gaps(watch.gaps)


def _print_gaps(gaps: Sequence[_Gap]) -> None:
    late, used = (sorted(values) for values in ([g.late for g in gaps], [g.used for g in gaps]))
    print(f"{len(gaps)} ticks of the event loop{'late':>12}{'used':>15}")
    for name, share in (("median", 0.5), ("99th percentile", 0.99), ("longest", 1.0)):
        index = min(len(gaps) - 1, int(share * len(gaps)))
        print(f"{name:<26}{max(0.0, late[index]):>9.1f} ms{used[index]:>12.1f} ms")
    print("\nThe longest: late, used, collecting garbage, and where")
    for gap in sorted(gaps, key=lambda gap: gap.used, reverse=True)[:_SHOWN]:
        places = "; ".join(f"{count}x {place}" for place, count in gap.places.most_common(4))
        print(f"{gap.late:>6.0f} ms {gap.used:>6.0f} ms {gap.collecting:>6.0f} ms  {places}")


def _until(application: object, is_met: Callable[[], bool]) -> None:
    from PySide6.QtCore import QEventLoop
    from PySide6.QtWidgets import QApplication

    assert isinstance(application, QApplication)
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not is_met():
        application.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)
        if time.monotonic() > deadline:
            raise TimeoutError


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main()
