"""Outcome of a child process, and its description for users."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterable
from dataclasses import dataclass

from app.core.language import tr

EXIT_FAILED, EXIT_USAGE, EXIT_CANCELED = 1, 2, 130
_SIGNAL_WORDS = {
    "SIGABRT": tr("it aborted on an internal error"),
    "SIGSEGV": tr("it accessed invalid memory"),
    "SIGBUS": tr("a file that it was reading changed on disk"),
    "SIGILL": tr("it used an instruction that this processor does not support"),
    "SIGFPE": tr("it divided by zero"),
    "SIGKILL": tr("it was killed, probably because memory ran out"),
    "SIGTERM": tr("it was asked to end"),
}
_WINDOWS_CRASHES = {
    0xC0000005: "SIGSEGV",
    0xC000001D: "SIGILL",
    0xC0000094: "SIGFPE",
    0xC0000409: "SIGABRT",
}
# What ggml_abort (ggml.c) and the C++ library write before they end the process.
_LAST_WORDS = re.compile(r"(?:.*\.(?:c|cpp|cu|cuh|h|hpp|m|mm):\d+: |\s*what\(\): +)(?P<words>.*\S)")


@dataclass(frozen=True)
class ProcessOutcome:
    """A child's exit status, or the name of the signal that ended it."""

    exit_code: int
    signal_name: str = ""

    @classmethod
    def from_returncode(cls, returncode: int) -> ProcessOutcome:
        """Convert Python's return code: a negative one is a signal's number."""
        # Qt passes Windows' status as a signed number, Python as an unsigned one.
        windows_crash = _WINDOWS_CRASHES.get(returncode & 0xFFFFFFFF, "")
        if returncode < 0 and not windows_crash:
            return cls(128 - returncode, _name_of(-returncode))
        return cls(returncode, windows_crash)

    @classmethod
    def from_signal(cls, number: int) -> ProcessOutcome:
        """Convert the number of a signal."""
        return cls.from_returncode(-number)

    @property
    def was_successful(self) -> bool:
        """True if the child completed its work."""
        return self.exit_code == 0 and not self.signal_name

    @property
    def was_canceled(self) -> bool:
        """True if the user canceled the child."""
        return self.exit_code == EXIT_CANCELED and not self.signal_name

    @property
    def has_crashed(self) -> bool:
        """True if a signal ended the child."""
        return bool(self.signal_name)

    def describe(self, log: Iterable[str] = ()) -> str:
        """Describe it, for example `it accessed invalid memory (SIGSEGV)`.

        With the lines of the child's log, the last message of native code follows.
        """
        if not self.signal_name:
            return tr("it ended with exit status {status}", status=str(self.exit_code))
        words = _SIGNAL_WORDS.get(self.signal_name, tr("the system ended it"))
        lines = list(log)
        found = [match["words"] for line in lines if (match := _LAST_WORDS.match(line))]
        if not found:
            return f"{words} ({self.signal_name})"
        # CUDA's last message is “CUDA error”; the line before names which one.
        full = [line.strip() for line in lines if line.startswith(f"{found[-1]}: ")]
        return f"{words} ({self.signal_name}): {[*found, *full][-1]}"


def _name_of(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
