"""What a person sees in the terminal: the events as lines, progress with speed and time left."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TextIO, assert_never

from app.core import events, paths
from app.core.device_memory import DeviceMemory
from app.core.errors import AppError, ErrorCode, NoticeCode
from app.core.pace import Pace
from app.core.sentences import describe_error, describe_notice
from app.core.sizes import format_bytes, format_duration
from app.jobs.start_over import has_started_over

_REPAINT_SECONDS = 0.1
_LINE_SECONDS = 30.0
_DEFAULT_COLUMNS = 80
_STEP_WORDS = {
    "download": "Downloading",
    "outline": "Looking up",
    "checks": "Checking",
    "plan": "Planning",
    "convert": "Converting",
    "setup": "Fetching",
    "calibrate": "Calibrating",
    "speed": "Timing",
    "measure": "Measuring",
    "probe": "Probing",
}
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_STEPS_IN_FEW_PIECES = frozenset({"download", "setup"})
_APPROXIMATED = ("Q2_K", "Q4_K_M", "Q6_K", "Q8_0", "BF16")
# Said each time: it is how the work stands.
_PASSING = frozenset({NoticeCode.DOWNLOAD_RETRIED})
_LOGGED_ERRORS = frozenset(
    {ErrorCode.CONVERTER_FAILED, ErrorCode.MODEL_REJECTED, ErrorCode.INTERNAL}
)


class TerminalReporter:
    """Writes results to standard output; progress and notices go to standard error.

    On a terminal progress is one line that is painted anew. Elsewhere it is a line when a step
    begins, when a download or set-up comes to its next file, and every half minute.
    """

    def __init__(
        self,
        output: TextIO,
        errors: TextIO,
        log: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._output = output
        self._errors = errors
        self._log = log
        self._clock = clock
        self._is_interactive = self._errors.isatty()
        self._pace = Pace()
        self._shown = float("-inf")
        self._step = ""
        self._announced: set[tuple[str, str]] = set()
        self._noticed: set[str] = set()
        self._line_width = 0

    def give_back(self) -> None:
        """Give the terminal back, for the process that takes this one's place."""
        self._clear()
        for number, stream in enumerate((self._output, self._errors), start=1):
            os.dup2(stream.fileno(), number)

    def report(self, event: events.Event) -> None:
        """Show one event."""
        match event:
            case events.Progressed():
                self._show_progress(event)
            case events.Loading(fraction):
                self._paint(f"Loading {fraction:.0%}")
            case events.Alive():
                pass
            case events.Said(text):
                self._clear()
                self._write(self._output, _harmless(text))
            case events.Listening(address):
                self._say(self._output, f"working at {address}; Ctrl+C stops")
            case events.Noticed() | events.Failed() | events.LevelsApproximated():
                self._say_aside(event)
            case (
                events.Checked()
                | events.LevelPlanned()
                | events.TensorPlanned()
                | events.ModelListed()
                | events.EndpointListed()
                | events.Ready()
                | events.Finished()
            ):
                self._say(self._output, _line_of(event))
            case _:
                assert_never(event)

    def _say_aside(self, event: events.Noticed | events.Failed | events.LevelsApproximated) -> None:
        match event:
            case events.LevelsApproximated():
                self._say(self._errors, _approximate_line(event))
            case events.Noticed(code, details):
                sentence = describe_notice(code, details, in_terminal=True)
                if code in _PASSING or sentence not in self._noticed:
                    self._say(self._errors, sentence)
                self._noticed.add(sentence)
            case events.Failed(code, details):
                sentence = describe_error(code, details, in_terminal=True)
                where = f" ({self._log})" if self._log and code in _LOGGED_ERRORS else ""
                self._say(self._errors, f"gristmill: {sentence}{where}")

    def _show_progress(self, event: events.Progressed) -> None:
        now = self._clock()
        if event.step != self._step:
            self._step, self._pace = event.step, Pace()
        self._pace.observe(event.done_bytes, now)
        if self._is_interactive:
            is_last = event.done_bytes >= event.total_bytes
            if is_last or now - self._shown > _REPAINT_SECONDS:
                self._shown = now
                self._paint(_progress_line(event, self._pace))
        elif self._is_new(event):
            self._shown = now
            self._say(self._errors, _beginning_line(event))
        elif now - self._shown >= _LINE_SECONDS:
            self._shown = now
            self._say(self._errors, _progress_line(event, self._pace))

    def _is_new(self, event: events.Progressed) -> bool:
        piece = (event.step, event.detail if event.step in _STEPS_IN_FEW_PIECES else "")
        is_new = piece not in self._announced
        self._announced.add(piece)
        return is_new

    def _paint(self, line: str) -> None:
        if self._is_interactive:
            # A line that wraps can't be painted over.
            shown = _harmless(line)[: _columns_of(self._errors) - 1]
            self._write(self._errors, "\r" + shown.ljust(self._line_width))
            self._line_width = len(shown)

    def _clear(self) -> None:
        if self._line_width:
            self._write(self._errors, "\r" + " " * self._line_width + "\r")
            self._line_width = 0

    def _say(self, stream: TextIO, line: str) -> None:
        self._clear()
        if line:
            self._write(stream, _harmless(line) + "\n")

    @staticmethod
    def _write(stream: TextIO, text: str) -> None:
        stream.write(text)
        stream.flush()


def terminal_reporter(verb: str) -> TerminalReporter:
    """A reporter that has the terminal to itself; made before native code is imported.

    From then on what libraries print goes to the verb's log, so that people read our lines alone.
    """
    try:
        log = _log_of(verb)
        anew = 0 if has_started_over() else os.O_TRUNC
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | anew, 0o600)
    except (AppError, OSError):
        # A data folder that can't be written to is for the verb to report.
        return TerminalReporter(sys.stdout, sys.stderr)
    reporter = TerminalReporter(_copy_of(sys.stdout), _copy_of(sys.stderr), log)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(descriptor, stream.fileno())
    os.close(descriptor)
    return reporter


def _log_of(verb: str) -> Path:
    folder = paths.logs_folder()
    folder.mkdir(exist_ok=True)
    return folder / f"{verb}.log"


def _copy_of(stream: TextIO) -> TextIO:
    # A name that the terminal's encoding lacks must not end the work.
    return os.fdopen(os.dup(stream.fileno()), "w", encoding=stream.encoding, errors="replace")


def _columns_of(stream: TextIO) -> int:
    try:
        columns = os.get_terminal_size(stream.fileno()).columns
    except OSError:
        return _DEFAULT_COLUMNS
    return columns or _DEFAULT_COLUMNS


def _harmless(untrusted_text: str) -> str:
    # Replies and names of models could otherwise steer the terminal.
    return _CONTROL.sub("", untrusted_text)


def _beginning_line(event: events.Progressed) -> str:
    detail = event.detail if event.step in _STEPS_IN_FEW_PIECES else ""
    return f"{_STEP_WORDS[event.step]} {detail}".strip()


def _progress_line(event: events.Progressed, pace: Pace) -> str:
    words = [_STEP_WORDS[event.step]]
    done = format_bytes(event.done_bytes)
    if event.total_bytes:
        words.append(f"{event.done_bytes / event.total_bytes:.0%}")
        words.append(f"{done} of {format_bytes(event.total_bytes)}")
    elif event.done_bytes:
        words.append(done)
    if (speed := pace.per_second()) is not None:
        words.append(f"{format_bytes(speed)}/s")
    if (left := pace.seconds_left(event.total_bytes)) is not None:
        words.append(f"{format_duration(left)} left")
    return "  ".join([*words, event.detail]).strip()


def _approximate_line(event: events.LevelsApproximated) -> str:
    sizes = [
        f"{level} {format_bytes(event.sizes[level])}"
        for level in _APPROXIMATED
        if level in event.sizes
    ]
    return f"About: {', '.join(sizes)}; the exact sizes follow"


def _line_of(
    event: events.Checked
    | events.LevelPlanned
    | events.TensorPlanned
    | events.ModelListed
    | events.EndpointListed
    | events.Ready
    | events.Finished,
) -> str:
    match event:
        case events.Checked(subject, finding, error, details):
            mark = "fault" if error else "ok"
            text = describe_error(error, details, in_terminal=True) if error else finding
            line = f"{mark:<6}{subject:<14}{text}"
        case events.LevelPlanned(level, size_bytes, bits_per_weight):
            line = (
                f"{level:<8}{size_bytes:>16,} bytes  {format_bytes(size_bytes):>9}"
                f"  {bits_per_weight:5.2f} bits per weight"
            )
        case events.TensorPlanned(level, name, shape, kind, size_bytes):
            columns = " x ".join(str(length) for length in shape)
            line = f"{level:<8}{name:<40} {columns:>20}  {kind:<8}{size_bytes:>16,} bytes"
        case events.ModelListed(path, name, level, _, size_bytes, problem=problem, details=details):
            note = describe_error(problem, details, in_terminal=True) if problem else path
            line = f"{name:<44} {level:<8} {format_bytes(size_bytes):>9}  {note}"
        case events.EndpointListed(url, name, models, problem=problem, details=details):
            note = (
                describe_error(problem, details, in_terminal=True) if problem else ", ".join(models)
            )
            line = f"{name:<24} {url:<32} {note}"
        case events.Ready(url, key, model, level, network_url=network_url) as ready:
            line = f"{model} {level} at {network_url or url}/v1  key {key}\n{_load_of(ready)}"
        case events.Finished(files, _):
            line = "\n".join(files)
        case _:
            assert_never(event)
    return line


def _load_of(ready: events.Ready) -> str:
    """What the load took, each device on a line of its own, with what was estimated."""
    memory = [
        _memory_of(device, real, ready.estimated.get(device))
        for device, real in ready.memory.items()
    ]
    given = f"context {ready.context}, {ready.gpu_layers} GPU layers, {ready.threads} threads"
    return "\n".join([*memory, f"{given}; Ctrl+C stops"])


def _memory_of(device: str, real: DeviceMemory, estimated: DeviceMemory | None) -> str:
    parts = (
        f"{format_bytes(real.weights_bytes)} weights",
        f"{format_bytes(real.kv_bytes)} keys and values",
        f"{format_bytes(real.compute_bytes)} compute",
    )
    words = f"{device}: {format_bytes(real.total_bytes)} ({', '.join(parts)})"
    if estimated is None:
        return words
    return f"{words}, estimated {format_bytes(estimated.total_bytes)}"
