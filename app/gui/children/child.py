"""Run one verb as a child process, with its events as signals and its outcome as a value."""

from __future__ import annotations

from collections import deque

import msgspec
from PySide6.QtCore import QObject, QProcess, QProcessEnvironment, QTimer, Signal

from app.core.event_lines import decode_event, encode
from app.core.events import Cancel, Command
from app.jobs.launch import child_environment, command_line
from app.jobs.outcome import EXIT_CANCELED, EXIT_FAILED, ProcessOutcome

_GRACE_MILLISECONDS = 800
_DEATH_MILLISECONDS = 5000
_LOG_LINES = 400


class Child(QObject):
    """Starts `gristmill VERB … --events` and follows it to its end.

    Signals:
        received: an `app.core.events.Event`. Receivers match the events that they show and ignore
            the others, but none may ignore `Failed` and `NoticeReported`.
        ended: the `ProcessOutcome`; nothing is received after it.

    The child does not outlive this object.
    """

    received = Signal(object)
    ended = Signal(object)

    def __init__(self, verb: str, *arguments: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.log: deque[str] = deque(maxlen=_LOG_LINES)
        self._has_ended = False
        self._process = QProcess(self)
        program, *rest = command_line(verb, *arguments)
        self._process.setProgram(program)
        self._process.setArguments(rest)
        self._process.setProcessEnvironment(_environment(verb))
        self._process.readyReadStandardOutput.connect(self._read_events)
        self._process.readyReadStandardError.connect(self._read_log)
        self._process.finished.connect(self._on_finished)
        self._process.errorOccurred.connect(self._on_error)
        self._kill_timer = QTimer(self, singleShot=True, interval=_GRACE_MILLISECONDS)
        self._kill_timer.timeout.connect(self._process.kill)

    def start(self) -> None:
        """Start the process; returns at once."""
        self._process.start()

    @property
    def is_running(self) -> bool:
        """True if `ended` is still to come."""
        return not self._has_ended

    @property
    def process_id(self) -> int:
        """The process ID; 0 if there is no process."""
        return self._process.processId()

    def send(self, command: Command) -> None:
        """Send the child a command."""
        self._process.write(encode(command))

    def cancel(self) -> None:
        """Ask the child to stop and clean up, and kill it if it doesn't stop in time."""
        self.send(Cancel())
        self._kill_timer.start()

    def abandon(self) -> None:
        """Cancel a child whose signals are connected; none follows, and it deletes itself."""
        self.received.disconnect()
        self.ended.disconnect()
        self.ended.connect(self.deleteLater)
        self.cancel()

    def kill(self) -> None:
        """Kill a child that no longer responds."""
        self._process.kill()

    def stop_now(self) -> None:
        """Stop the child before this call returns, for when the window is closing."""
        if self._process.state() is QProcess.ProcessState.NotRunning:
            self._end(ProcessOutcome(EXIT_CANCELED))
            return
        self.send(Cancel())
        if not self._process.waitForFinished(_GRACE_MILLISECONDS):
            self._process.kill()
            self._process.waitForFinished(_DEATH_MILLISECONDS)

    def log_text(self) -> str:
        """Return the last lines that the child logged."""
        return "\n".join(self.log)

    def _read_events(self) -> None:
        while self._process.canReadLine():
            line = bytes(self._process.readLine().data())
            try:
                event = decode_event(line)
            except msgspec.DecodeError:
                self.log.append(line.decode("utf-8", "replace").rstrip())
                continue
            self.received.emit(event)

    def _read_log(self) -> None:
        text = bytes(self._process.readAllStandardError().data()).decode("utf-8", "replace")
        self.log.extend(text.splitlines())

    def _on_error(self, error: QProcess.ProcessError) -> None:
        if error is QProcess.ProcessError.FailedToStart:
            self.log.append(self._process.errorString())
            self._end(ProcessOutcome(EXIT_FAILED))

    def _on_finished(self, exit_code: int, status: QProcess.ExitStatus) -> None:
        self._read_events()
        self._read_log()
        if status is QProcess.ExitStatus.CrashExit:
            self._end(ProcessOutcome.from_signal(exit_code))
        else:
            self._end(ProcessOutcome.from_returncode(exit_code))

    def _end(self, outcome: ProcessOutcome) -> None:
        if not self._has_ended:
            self._has_ended = True
            self._kill_timer.stop()
            self.ended.emit(outcome)


def stop_children(*owners: QObject) -> None:
    """Stop all children below `owners`, even those started meanwhile, before this call returns."""
    while running := [
        child for owner in owners for child in owner.findChildren(Child) if child.is_running
    ]:
        for child in running:
            child.stop_now()


def _environment(verb: str) -> QProcessEnvironment:
    environment = QProcessEnvironment()
    for name, value in child_environment(verb).items():
        environment.insert(name, value)
    return environment
