"""Terminal output: events as lines, progress with speed and time left."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from app.cli.files_as_json import FilesAsJson
from app.cli.table_rows import TableRow, table_row
from app.core import events, paths
from app.core.allocation_events import MEASURING_STEPS
from app.core.device_memory import DeviceMemory
from app.core.errors import AppError, ErrorCode, NoticeCode
from app.core.hub_events import HubAnswered, HubPageFound
from app.core.inspection_events import ModelInspected, TemplateTried
from app.core.language import tr
from app.core.pace import Pace
from app.core.publish_events import PublishAdvanced
from app.core.sentences import describe_error, describe_notice, describe_published
from app.core.sizes import format_bytes, format_duration
from app.jobs.restart import has_restarted

_REPAINT_SECONDS = 0.1
_LINE_SECONDS = 30.0
_DEFAULT_COLUMNS = 80
_STEP_WORDS = {
    "download": tr("Downloading"),
    "outline": tr("Looking up"),
    "checks": tr("Checking"),
    "plan": tr("Planning"),
    "convert": tr("Converting"),
    "setup": tr("Fetching"),
    "calibrate": tr("Calibrating"),
    "speed": tr("Timing"),
    "measure": tr("Measuring"),
    "probe": tr("Probing"),
    "sensitivity": tr("Measuring sensitivity"),
    "comparison": tr("Comparing with the source"),
    "rounding": tr("Correcting the rounding"),
    "tuning": tr("Tuning scales and norms"),
    "edit": tr("Saving"),
    "verify": tr("Verifying"),
    "publish": tr("Uploading"),
}
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_STEPS_WITH_FEW_FILES = frozenset({"download", "setup", "publish"})
_APPROXIMATED = ("Q2_K", "Q4_K_M", "Q6_K", "Q8_0", "BF16")
# Shown each time, since it reports progress.
_REPEATED = frozenset({NoticeCode.DOWNLOAD_RETRIED})
_LOGGED_ERRORS = frozenset(
    {ErrorCode.CONVERTER_FAILED, ErrorCode.MODEL_REJECTED, ErrorCode.INTERNAL}
)


class TerminalReporter:
    """Writes results to standard output, progress and notices to standard error.

    On a terminal, progress is one line that is repainted. Elsewhere a line is written when a step
    starts, when a download or setup reaches its next file, and every half minute. With `as_json`,
    standard output has only the files, as one object at the end.
    """

    def __init__(
        self,
        output: TextIO,
        errors: TextIO,
        log: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
        *,
        as_json: bool = False,
    ) -> None:
        self._output = output
        self._as_json = as_json
        self._files = FilesAsJson()
        self._lines = errors if as_json else output
        self._errors = errors
        self._log = log
        self._clock = clock
        self._is_interactive = self._errors.isatty()
        self._pace = Pace()
        self._shown = float("-inf")
        self._step = ""
        self._announced: set[tuple[str, str]] = set()
        self._noticed: set[str] = set()
        self._has_fault = False
        self._line_width = 0

    def restore_output(self) -> None:
        """Restore the terminal for the process that replaces this one."""
        self._clear()
        for number, stream in enumerate((self._output, self._errors), start=1):
            os.dup2(stream.fileno(), number)

    def say_aside(self, sentence: str) -> None:
        """Show a sentence that is no result; a terminal that is gone can't have it."""
        with suppress(OSError, ValueError):
            self._write_line(self._errors, sentence)

    def report(self, event: events.Event) -> None:
        """Show one event."""
        self._files.note(event)
        match event:
            case events.Progressed():
                self._report_progress(event)
            case events.Loading(fraction):
                self._paint(tr("Loading {share}", share=f"{fraction:.0%}"))
            case (
                events.Alive()
                | events.SourceLocated()
                | TemplateTried()
                | events.FoldersWatched()
                | HubAnswered()
                | HubPageFound()
            ):
                pass
            case events.Printed(text):
                self._clear()
                self._write(self._output, _without_control_characters(text))
            case (
                events.NoticeReported()
                | events.Failed()
                | events.LevelsApproximated()
                | PublishAdvanced()
            ):
                self._write_aside(event)
            case events.Finished(made) if self._as_json:
                self._clear()
                self._write(self._output, self._files.text(made) + "\n")
            case events.Checked(subject) if event.error is not None and not self._has_fault:
                # The first fault is the error that ends the verb, which says the rest.
                self._has_fault = True
                self._write_line(self._lines, f"{tr('failed'):<8}{subject}")
            case _:
                self._write_line(self._lines, _line_of(event))

    def _write_aside(
        self,
        event: events.NoticeReported | events.Failed | events.LevelsApproximated | PublishAdvanced,
    ) -> None:
        match event:
            case PublishAdvanced():
                # Ctrl+C ends the program at once, so it is said while it goes on.
                if not event.is_complete:
                    self._write_line(self._errors, describe_published(event))
            case events.LevelsApproximated():
                self._write_line(self._errors, _approximate_line(event))
            case events.NoticeReported(code, details):
                sentence = describe_notice(code, details, in_terminal=True)
                if code in _REPEATED or sentence not in self._noticed:
                    self._write_line(self._errors, sentence)
                self._noticed.add(sentence)
            case events.Failed(code, details):
                log_note = f" ({self._log})" if self._log and code in _LOGGED_ERRORS else ""
                self._write_line(
                    self._errors,
                    f"gristmill: {describe_error(code, details, in_terminal=True)}{log_note}",
                )

    def _report_progress(self, event: events.Progressed) -> None:
        now = self._clock()
        if event.step != self._step:
            self._step, self._pace = event.step, Pace()
        self._pace.observe(event.done_bytes, now)
        if self._is_interactive:
            is_last = event.done_bytes >= event.total_bytes
            if is_last or now - self._shown > _REPAINT_SECONDS:
                self._shown = now
                self._paint(_progress_line(event, self._pace))
        elif self._starts_file(event):
            self._shown = now
            self._write_line(self._errors, _start_line(event))
        elif now - self._shown >= _LINE_SECONDS:
            self._shown = now
            self._write_line(self._errors, _progress_line(event, self._pace))

    def _starts_file(self, event: events.Progressed) -> bool:
        file = (event.step, event.detail if event.step in _STEPS_WITH_FEW_FILES else "")
        is_new = file not in self._announced
        self._announced.add(file)
        return is_new

    def _paint(self, line: str) -> None:
        if self._is_interactive:
            # A wrapped line can't be overwritten.
            shown = _without_control_characters(line)[: _columns_of(self._errors) - 1]
            self._write(self._errors, "\r" + shown.ljust(self._line_width))
            self._line_width = len(shown)

    def _clear(self) -> None:
        if self._line_width:
            self._write(self._errors, "\r" + " " * self._line_width + "\r")
            self._line_width = 0

    def _write_line(self, stream: TextIO, line: str) -> None:
        self._clear()
        if line:
            self._write(stream, _without_control_characters(line) + "\n")

    @staticmethod
    def _write(stream: TextIO, text: str) -> None:
        stream.write(text)
        stream.flush()


def terminal_reporter(verb: str, *, as_json: bool) -> TerminalReporter:
    """Return a reporter that owns the terminal; call it before importing native code.

    From then on, output of libraries goes to the verb's log, so that users see only our lines.
    """
    try:
        log = _log_of(verb)
        truncate = 0 if has_restarted() else os.O_TRUNC
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | truncate, 0o600)
    except (AppError, OSError):
        # The verb itself reports a data folder that isn't writable.
        return TerminalReporter(sys.stdout, sys.stderr, as_json=as_json)
    output, errors = _copy_of(sys.stdout), _copy_of(sys.stderr)
    reporter = TerminalReporter(output, errors, log, as_json=as_json)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(descriptor, stream.fileno())
    os.close(descriptor)
    return reporter


def _log_of(verb: str) -> Path:
    folder = paths.logs_folder()
    folder.mkdir(exist_ok=True)
    return folder / f"{verb}.log"


def _copy_of(stream: TextIO) -> TextIO:
    # A name that the terminal can't encode must not end the work.
    return os.fdopen(os.dup(stream.fileno()), "w", encoding=stream.encoding, errors="replace")


def _columns_of(stream: TextIO) -> int:
    try:
        columns = os.get_terminal_size(stream.fileno()).columns
    except OSError:
        return _DEFAULT_COLUMNS
    return columns or _DEFAULT_COLUMNS


def _without_control_characters(untrusted_text: str) -> str:
    # Replies and model names could otherwise contain escape sequences.
    return _CONTROL.sub("", untrusted_text)


def _start_line(event: events.Progressed) -> str:
    detail = event.detail if event.step in _STEPS_WITH_FEW_FILES else ""
    return f"{_STEP_WORDS[event.step]} {detail}".strip()


def _progress_line(event: events.Progressed, pace: Pace) -> str:
    words = [_STEP_WORDS[event.step]]
    if event.total_bytes:
        words.append(f"{event.done_bytes / event.total_bytes:.0%}")
    if event.step not in MEASURING_STEPS:
        words += _sizes(event, pace)
    if (left := pace.seconds_left(event.total_bytes)) is not None:
        words.append(tr("{duration} left", duration=format_duration(left)))
    return "  ".join([*words, event.detail]).strip()


def _sizes(event: events.Progressed, pace: Pace) -> Iterator[str]:
    done = format_bytes(event.done_bytes)
    if event.total_bytes:
        yield tr("{done} of {total}", done=done, total=format_bytes(event.total_bytes))
    elif event.done_bytes:
        yield done
    if (speed := pace.per_second()) is not None:
        yield f"{format_bytes(speed)}/s"


def _approximate_line(event: events.LevelsApproximated) -> str:
    sizes = [
        f"{level} {format_bytes(event.sizes[level])}"
        for level in _APPROXIMATED
        if level in event.sizes
    ]
    return tr("Approximate sizes: {sizes}; exact sizes follow", sizes=", ".join(sizes))


def _line_of(
    event: events.Checked
    | TableRow
    | events.Ready
    | events.Listening
    | events.ProfileFound
    | ModelInspected
    | events.LoadLogged
    | events.RatesMeasured
    | events.Finished,
) -> str:
    match event:
        case events.Checked(subject, finding, error, details):
            mark = tr("failed") if error else tr("ok")
            text = describe_error(error, details, in_terminal=True) if error else finding
            return f"{mark:<8}{subject:<14}{text}"
        case events.Ready():
            return _ready_lines(event)
        case events.Listening(address):
            return tr("Listening on {address}. Press Ctrl+C to stop.", address=address)
        case (
            events.ProfileFound(document)
            | ModelInspected(document)
            | events.LoadLogged(document)
            | events.RatesMeasured(document)
        ):
            return bytes(document).decode()
        case events.Finished(files, _):
            return "\n".join(files)
        case _:
            return table_row(event)


def _ready_lines(ready: events.Ready) -> str:
    """Return the address and key, then each device's memory next to its estimate."""
    address = tr(
        "{model} {level} at {url}/v1  key {key}",
        model=ready.model,
        level=ready.level,
        url=ready.network_url or ready.url,
        key=ready.key,
    )
    memory = [
        _memory_line(device, used, ready.estimated.get(device))
        for device, used in ready.memory.items()
    ]
    load = tr(
        "context {context}, {layers} GPU layers, {threads} threads. Press Ctrl+C to stop.",
        context=ready.context,
        layers=ready.gpu_layers,
        threads=ready.threads,
    )
    return "\n".join([address, *memory, load])


def _memory_line(device: str, used: DeviceMemory, estimated: DeviceMemory | None) -> str:
    line = tr(
        "{device}: {total} ({weights} weights, {cache} KV cache, {compute} compute buffers)",
        device=device,
        total=format_bytes(used.total_bytes),
        weights=format_bytes(used.weights_bytes),
        cache=format_bytes(used.kv_bytes),
        compute=format_bytes(used.compute_bytes),
    )
    if estimated is None:
        return line
    return tr("{line}, estimated {size}", line=line, size=format_bytes(estimated.total_bytes))
