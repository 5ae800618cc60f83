"""What a person sees in the terminal: the events as lines, progress with speed and time left."""

from __future__ import annotations

import sys
import time
from typing import TextIO, assert_never

from app.core import events
from app.core.pace import Pace
from app.core.sentences import describe_error, describe_notice
from app.core.sizes import format_bytes, format_duration

_REPAINT_SECONDS = 0.1
_STEP_WORDS = {
    "download": "Downloading",
    "checks": "Checking",
    "plan": "Planning",
    "convert": "Converting",
    "setup": "Fetching",
}


class TerminalReporter:
    """Writes results to standard output; progress and notices go to standard error."""

    def __init__(self, output: TextIO | None = None, errors: TextIO | None = None) -> None:
        self._output = output or sys.stdout
        self._errors = errors or sys.stderr
        self._is_interactive = self._errors.isatty()
        self._pace = Pace()
        self._painted = 0.0
        self._step = ""
        self._line_width = 0

    def report(self, event: events.Event) -> None:
        """Show one event."""
        match event:
            case events.Progressed():
                self._show_progress(event)
            case events.Loading(fraction):
                self._paint(f"Loading {fraction:.0%}")
            case events.Said(text):
                self._clear()
                self._write(self._output, text)
            case events.Noticed(code, facts):
                self._say(self._errors, describe_notice(code, facts))
            case events.Failed(code, facts):
                self._say(self._errors, f"gristmill: {describe_error(code, facts)}")
            case (
                events.Checked()
                | events.LevelPlanned()
                | events.ModelListed()
                | events.Ready()
                | events.Finished()
            ):
                self._say(self._output, _line_of(event))
            case _:
                assert_never(event)

    def _show_progress(self, event: events.Progressed) -> None:
        now = time.monotonic()
        if event.step != self._step:
            self._step, self._pace = event.step, Pace()
            if not self._is_interactive:
                self._say(self._errors, f"{_STEP_WORDS[event.step]} {event.detail}".strip())
        self._pace.observe(event.done_bytes, now)
        is_last = event.done_bytes >= event.total_bytes
        if self._is_interactive and (is_last or now - self._painted > _REPAINT_SECONDS):
            self._painted = now
            self._paint(_progress_line(event, self._pace))

    def _paint(self, line: str) -> None:
        if self._is_interactive:
            self._write(self._errors, "\r" + line.ljust(self._line_width))
            self._line_width = len(line)

    def _clear(self) -> None:
        if self._line_width:
            self._write(self._errors, "\r" + " " * self._line_width + "\r")
            self._line_width = 0

    def _say(self, stream: TextIO, line: str) -> None:
        self._clear()
        if line:
            self._write(stream, line + "\n")

    @staticmethod
    def _write(stream: TextIO, text: str) -> None:
        stream.write(text)
        stream.flush()


def _progress_line(event: events.Progressed, pace: Pace) -> str:
    words = [f"{_STEP_WORDS[event.step]} {event.detail}".strip()]
    if event.total_bytes:
        words.append(f"{event.done_bytes / event.total_bytes:.0%}")
    words.append(f"{format_bytes(event.done_bytes)} of {format_bytes(event.total_bytes)}")
    speed, left = pace.per_second(), pace.seconds_left(event.total_bytes)
    if speed is not None and left is not None:
        words.append(f"{format_bytes(speed)}/s, {format_duration(left)} left")
    return "  ".join(words)


def _line_of(
    event: events.Checked
    | events.LevelPlanned
    | events.ModelListed
    | events.Ready
    | events.Finished,
) -> str:
    match event:
        case events.Checked(subject, finding, error, facts):
            mark = "fault" if error else "ok"
            text = describe_error(error, facts) if error else finding
            return f"{mark:<6}{subject:<14}{text}"
        case events.LevelPlanned(level, size_bytes, bits_per_weight):
            return (
                f"{level:<8}{size_bytes:>16,} bytes  {format_bytes(size_bytes):>9}"
                f"  {bits_per_weight:5.2f} bits per weight"
            )
        case events.ModelListed(path, name, level, _, size_bytes, problem=problem, facts=facts):
            note = describe_error(problem, facts) if problem else path
            return f"{name:<44} {level:<8} {format_bytes(size_bytes):>9}  {note}"
        case events.Ready(url, key, model, level, context, gpu_layers, threads):
            return (
                f"{model} {level} at {url}/v1  key {key}\n"
                f"context {context}, {gpu_layers} GPU layers, {threads} threads; Ctrl+C stops"
            )
        case events.Finished(paths, _):
            return "\n".join(paths)
        case _:
            assert_never(event)
