"""Terminal output: one repainted line on a terminal, few lines elsewhere."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from app.cli.terminal import TerminalReporter
from app.core.allocation_events import ComparedQuality, FileCompared
from app.core.device_memory import DeviceMemory
from app.core.errors import ErrorCode, NoticeCode
from app.core.events import (
    Checked,
    Event,
    Failed,
    Finished,
    LevelPlanned,
    LevelsApproximated,
    Loading,
    ModelListed,
    NoticeReported,
    Printed,
    ProfileFound,
    Progressed,
    Ready,
)

MEGABYTE = 10**6


class Terminal(io.StringIO):
    """A stream that is a terminal."""

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        raise OSError


class Shown:
    """A reporter with its output, and a clock that stands still until it is set."""

    def __init__(self, errors: io.StringIO | None = None, log: Path | None = None) -> None:
        self.now = 0.0
        self.output, self.errors = io.StringIO(), errors or io.StringIO()
        self.reporter = TerminalReporter(self.output, self.errors, log, lambda: self.now)

    def report(self, *events: Event) -> None:
        for event in events:
            self.reporter.report(event)

    @property
    def complaints(self) -> list[str]:
        return self.errors.getvalue().splitlines()

    @property
    def lines(self) -> list[str]:
        return self.output.getvalue().splitlines()


def test_as_json_the_files_are_one_object_and_lines_are_aside() -> None:
    output, errors = io.StringIO(), io.StringIO()
    reporter = TerminalReporter(output, errors, as_json=True)
    reporter.report(LevelPlanned("Q8_0", 123_456, 8.5, "/m/a.gguf"))
    reporter.report(Finished(("/m/a.gguf", "/m/b.gguf")))
    file = {"path": "/m/a.gguf", "level": "Q8_0", "size_bytes": 123_456, "bits_per_weight": 8.5}
    assert json.loads(output.getvalue()) == {"paths": ["/m/a.gguf", "/m/b.gguf"], "files": [file]}
    assert "Q8_0" in errors.getvalue()


def test_as_json_a_comparison_with_a_plain_level_follows_the_files() -> None:
    output = io.StringIO()
    reporter = TerminalReporter(output, io.StringIO(), as_json=True)
    file, plain = ComparedQuality(100, 0.01, 0.95, 12.5), ComparedQuality(101, 0.04, 0.9, 13.0)
    compared = FileCompared(file=file, level="Q4_K_M", plain=plain, perplexity=12.0, tokens=2_048)
    reporter.report(compared)
    reporter.report(Finished(("/m/a.gguf",)))
    found = json.loads(output.getvalue())["comparison"]
    assert found["file"] == {
        "size_bytes": 100,
        "divergence": 0.01,
        "top_token_agreement": 0.95,
        "perplexity": 12.5,
    }
    assert (found["plain"]["level"], found["plain"]["divergence"]) == ("Q4_K_M", 0.04)
    assert (found["source"], found["tokens"]) == ({"perplexity": 12.0}, 2_048)


def painted(errors: io.StringIO) -> list[str]:
    return [line.rstrip() for line in errors.getvalue().split("\r")[1:]]


def test_elsewhere_a_conversion_is_two_lines() -> None:
    shown = Shown()
    shown.report(*(Progressed("plan", 0, 0, level) for level in ("Q4_K_M", "Q8_0")))
    for number in range(100):
        shown.now += 0.2
        shown.report(Progressed("convert", number, 100, f"blk.{number}.ffn_up.weight"))
    assert shown.complaints == ["Planning", "Converting"]


def test_elsewhere_every_file_of_a_download_is_a_line() -> None:
    shown = Shown()
    for file in ("config.json", "model.safetensors", "config.json"):
        for done in range(3):
            shown.report(Progressed("download", done, 3, file))
    assert shown.complaints == ["Downloading config.json", "Downloading model.safetensors"]


def test_elsewhere_both_components_of_set_up_are_lines() -> None:
    shown = Shown()
    shown.report(Progressed("setup", 1, 2, "the converter"))
    shown.report(Progressed("setup", 1, 2, "the starter model"))
    assert shown.complaints == ["Fetching the converter", "Fetching the starter model"]


def test_elsewhere_long_work_tells_how_far_it_is_every_half_minute() -> None:
    shown = Shown()
    for second in range(61):
        shown.now = second
        shown.report(Progressed("convert", second * MEGABYTE, 100 * MEGABYTE, "output.weight"))
    assert shown.complaints == [
        "Converting",
        "Converting  30%  30 MB of 100 MB  1 MB/s  1 min 10 s left  output.weight",
        "Converting  60%  60 MB of 100 MB  1 MB/s  40 s left  output.weight",
    ]


def test_a_terminal_shows_speed_and_time_left_in_one_line() -> None:
    shown = Shown(Terminal())
    for second in range(3):
        shown.now = second
        shown.report(Progressed("download", second * MEGABYTE, 4 * MEGABYTE, "model.safetensors"))
    assert painted(shown.errors) == [
        "Downloading  0%  0 B of 4 MB  model.safetensors",
        "Downloading  25%  1 MB of 4 MB  1 MB/s  3 s left  model.safetensors",
        "Downloading  50%  2 MB of 4 MB  1 MB/s  2 s left  model.safetensors",
    ]
    assert "\n" not in shown.errors.getvalue()


def test_a_terminal_is_painted_ten_times_a_second_and_at_the_end() -> None:
    shown = Shown(Terminal())
    for number in range(101):
        shown.now = number / 100
        shown.report(Progressed("convert", number, 100, "t"))
    assert 10 <= len(painted(shown.errors)) <= 13
    assert painted(shown.errors)[-1].startswith("Converting  100%")


def test_a_line_is_never_wider_than_the_terminal() -> None:
    shown = Shown(Terminal())
    shown.report(Progressed("convert", 1, 2, "x" * 500))
    assert len(painted(shown.errors)[0]) == 79


def test_a_shorter_line_leaves_nothing_of_the_longer_one() -> None:
    shown = Shown(Terminal())
    shown.report(Loading(0.999), Loading(0.1))
    assert shown.errors.getvalue() == "\rLoading 100%\rLoading 10% "


def test_results_come_after_the_line_is_wiped() -> None:
    shown = Shown(Terminal())
    shown.report(Loading(0.5), Printed("Paris"))
    assert shown.errors.getvalue() == "\rLoading 50%\r           \r"
    assert shown.lines == ["Paris"]


def test_a_total_that_is_not_known_is_not_shown() -> None:
    shown = Shown(Terminal())
    shown.report(Progressed("plan", 0, 0, "Q4_K_M"), Progressed("setup", 5, 0, "a component"))
    assert painted(shown.errors) == ["Planning  Q4_K_M", "Fetching  5 B  a component"]


def test_an_error_is_one_line_whatever_its_facts() -> None:
    shown = Shown()
    shown.report(Failed(ErrorCode.NOT_GGUF, {"file": "a\nb\x1b[31m.gguf"}))
    assert shown.complaints == [
        "gristmill: a b [31m.gguf is not a GGUF file. "
        "Choose a .gguf file, or convert a checkpoint to one."
    ]


def test_only_an_error_that_speaks_of_the_log_says_where_it_is(tmp_path: Path) -> None:
    shown = Shown(log=tmp_path / "convert.log")
    shown.report(Failed(ErrorCode.CONVERTER_FAILED, {"reason": "it stopped"}))
    shown.report(Failed(ErrorCode.LEVEL_MISSING))
    with_log, without = shown.complaints
    assert with_log.endswith(f"the log has the details. ({tmp_path / 'convert.log'})")
    assert "convert.log" not in without


def test_nothing_untrusted_steers_the_terminal() -> None:
    shown = Shown(Terminal())
    trick = "\x1b]0;owned\x07\x9b2J\rname"
    shown.report(
        Printed(trick),
        Progressed("download", 1, 2, trick),
        ModelListed("/m.gguf", trick, "Q8_0", "llama", 1, 1, 1),
        NoticeReported(NoticeCode.TEMPLATE_FALLBACK, {"reason": trick}),
        Checked("code", trick),
    )
    seen = shown.output.getvalue() + shown.errors.getvalue().replace("\r", "")
    assert not set(seen) & set("\x1b\x07\x9b\r")
    assert "owned" in seen


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (Checked("files", "4 files, 2 MB"), "ok      files         4 files, 2 MB"),
        (
            LevelPlanned("Q4_K_M", 571_200, 5.2412, "/to/a.gguf"),
            "Q4_K_M           571,200 bytes     571 kB   5.24 bits per weight",
        ),
        (Finished(("/a.gguf", "/b.gguf")), "/a.gguf\n/b.gguf"),
        (ProfileFound(msgspec.Raw(b'{"levels":[]}')), '{"levels":[]}'),
        (
            Ready("http://127.0.0.1:1", "key", "Tiny", "Q8_0", 512, 0, 2),
            "Tiny Q8_0 at http://127.0.0.1:1/v1  key key\n"
            "context 512, 0 GPU layers, 2 threads. Press Ctrl+C to stop.",
        ),
        (
            Ready(
                "http://127.0.0.1:1",
                "key",
                "Tiny",
                "Q8_0",
                512,
                9,
                2,
                memory={
                    "CPU": DeviceMemory(2_000_000, 0, 500_000),
                    "CUDA0": DeviceMemory(80_000_000, 7_000_000, 3_000_000),
                },
                estimated={"CUDA0": DeviceMemory(80_000_000, 7_000_000, 2_000_000)},
            ),
            "Tiny Q8_0 at http://127.0.0.1:1/v1  key key\n"
            "CPU: 2 MB (2 MB weights, 0 B KV cache, 500 kB compute buffers)\n"
            "CUDA0: 90 MB (80 MB weights, 7 MB KV cache, 3 MB compute buffers), estimated 89 MB\n"
            "context 512, 9 GPU layers, 2 threads. Press Ctrl+C to stop.",
        ),
    ],
)
def test_results_as_lines(event: Event, line: str) -> None:
    shown = Shown()
    shown.report(event)
    assert shown.output.getvalue() == line + "\n"
    assert not shown.complaints


def test_the_first_fault_is_said_once_and_others_in_their_lines() -> None:
    shown = Shown()
    details: dict[str, str | int | float] = {"file": "a.gguf"}
    shown.report(
        Checked("disk", "", ErrorCode.RESULT_EXISTS, details),
        Checked("files", "", ErrorCode.LEVEL_MISSING),
        Failed(ErrorCode.RESULT_EXISTS, details),
    )
    assert shown.lines == [
        "failed  disk",
        "failed  files         No level was chosen. Add --level, for example "
        "“--level Q4_K_M”; “--dry-run” shows the size of each.",
    ]
    assert shown.complaints == [
        "gristmill: a.gguf already exists. "
        "Replace it with --overwrite, or keep both with --keep-both."
    ]


def test_sizes_that_are_not_exact_are_no_result() -> None:
    shown = Shown()
    shown.report(
        LevelsApproximated(8 * 10**9, {"Q4_K_M": 4_920_000_000, "Q5_0": 1, "Q8_0": 10**10})
    )
    assert shown.complaints == [
        "Approximate sizes: Q4_K_M 4.92 GB, Q8_0 10.00 GB; exact sizes follow"
    ]
    assert shown.output.getvalue() == ""


def test_an_end_without_files_is_no_line() -> None:
    shown = Shown()
    shown.report(Finished())
    assert shown.output.getvalue() == ""


@pytest.fixture
def terminal() -> Callable[[int], tuple[int, int]]:
    if sys.platform == "win32":
        pytest.skip("Windows has no pseudo terminals of this kind")

    def build(columns: int) -> tuple[int, int]:
        import fcntl
        import pty
        import struct
        import termios

        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        return ours, theirs

    return build


def test_the_width_is_that_of_the_terminal(terminal: Callable[[int], tuple[int, int]]) -> None:
    ours, theirs = terminal(40)
    with os.fdopen(theirs, "w") as errors:
        TerminalReporter(io.StringIO(), errors).report(Progressed("convert", 1, 2, "x" * 100))
        assert os.read(ours, 1000).decode() == "\r" + f"Converting  50%  1 B of 2 B  {'x' * 10}"
    os.close(ours)


def test_a_notice_is_said_once_and_a_new_attempt_each_time() -> None:
    shown = Shown()
    lost = NoticeReported(NoticeCode.TEMPLATE_FALLBACK, {"reason": "the file has none"})
    retry = NoticeReported(
        NoticeCode.DOWNLOAD_RETRIED, {"file": "x", "reason": "status 503", "seconds": 1}
    )
    shown.report(lost, retry, lost, retry, NoticeReported(lost.code, {"reason": "another"}))
    assert [line.split("(")[1].split(")")[0] for line in shown.complaints] == [
        "the file has none",
        "status 503",
        "status 503",
        "another",
    ]
    assert not shown.lines
