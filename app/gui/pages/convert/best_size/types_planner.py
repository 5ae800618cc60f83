"""Ask which types the best file of a size gets, in a child process that writes nothing."""

from __future__ import annotations

import time
from collections.abc import Sequence

from PySide6.QtCore import QObject, Signal

from app.core.allocation_events import FileCompared, MeasuringPlanned, TypesChosen
from app.core.errors import ErrorCode
from app.core.events import Event, Progressed
from app.gui.children.forecast import Forecast
from app.gui.children.inquiry import Inquiry


class TypesPlanner(QObject):
    """Makes one plan at a time; a newer request makes the older one obsolete.

    `plan` is its result, and `compared` the measured quality if rounding isn't to be corrected.
    `forecast` says how long it takes.

    Signals:
        changed: a plan began, ended or became outdated.
        progressed: a `Progressed`.
        noticed: a sentence about a notice.
        failed: the `ErrorCode`, and a sentence that says why there is no plan.
    """

    changed = Signal()
    progressed = Signal(object)
    noticed = Signal(str)
    failed = Signal(object, str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._arguments: tuple[str, ...] = ()
        self.plan: TypesChosen | None = None
        self.compared: FileCompared | None = None
        self.forecast: Forecast | None = None
        self._inquiry = Inquiry(self)
        self._inquiry.received.connect(self._on_received)
        self._inquiry.noticed.connect(self.noticed)
        self._inquiry.answered.connect(self.changed)
        self._inquiry.failed.connect(self._on_failed)

    @property
    def is_busy(self) -> bool:
        """True until the plan is there, or has failed."""
        return self._inquiry.is_busy

    def ask(self, arguments: Sequence[str]) -> None:
        """Plan with these arguments of `convert`."""
        self._forget()
        self._arguments = tuple(arguments)
        self._inquiry.ask("convert", *arguments)
        self.changed.emit()

    def keep_only(self, arguments: Sequence[str]) -> None:
        """Forget the plan, or stop making it, unless it has these arguments."""
        if self._arguments and self._arguments != tuple(arguments):
            self.stop()

    def stop(self) -> None:
        """Stop planning, and forget the plan."""
        self._forget()
        self._inquiry.stop()
        self.changed.emit()

    def _forget(self) -> None:
        self.plan = self.compared = self.forecast = None
        self._arguments = ()

    def _on_received(self, event: Event) -> None:
        match event:
            case TypesChosen():
                self.plan = event
            case FileCompared():
                self.compared = event
            case MeasuringPlanned():
                self.forecast = Forecast(event.seconds, time.monotonic())
            case Progressed():
                self.progressed.emit(event)

    def _on_failed(self, code: ErrorCode, sentence: str) -> None:
        self._forget()
        self.changed.emit()
        self.failed.emit(code, sentence)
