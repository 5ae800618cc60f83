"""How a child process ended, as one value that can say itself in words."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterable
from dataclasses import dataclass

EXIT_FAILED, EXIT_USAGE, EXIT_CANCELLED = 1, 2, 130
_SIGNAL_WORDS = {
    "SIGABRT": "it gave up because of an inner contradiction",
    "SIGSEGV": "it touched memory that is not its own",
    "SIGBUS": "a file that it was reading changed on disk",
    "SIGILL": "it used an instruction that this processor does not have",
    "SIGFPE": "it divided by zero",
    "SIGKILL": "it was killed, by the system for want of memory or by someone",
    "SIGTERM": "it was asked to end",
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
    """The end of a child: its exit status, or the name of the signal that ended it."""

    exit_code: int
    signal_name: str = ""

    @classmethod
    def from_returncode(cls, returncode: int) -> ProcessOutcome:
        """From Python's convention: negative means the number of a signal."""
        # Qt hands Windows' status on as a signed number, Python as an unsigned one.
        windows_crash = _WINDOWS_CRASHES.get(returncode & 0xFFFFFFFF, "")
        if returncode < 0 and not windows_crash:
            return cls(128 - returncode, _name_of(-returncode))
        return cls(returncode, windows_crash)

    @classmethod
    def from_signal(cls, number: int) -> ProcessOutcome:
        """From the number of a signal."""
        return cls.from_returncode(-number)

    @property
    def was_successful(self) -> bool:
        """Whether the child did what it was asked to do."""
        return self.exit_code == 0 and not self.signal_name

    @property
    def was_cancelled(self) -> bool:
        """Whether the child stopped because a person said so."""
        return self.exit_code == EXIT_CANCELLED and not self.signal_name

    @property
    def has_crashed(self) -> bool:
        """Whether the child died instead of ending."""
        return bool(self.signal_name)

    def in_words(self, log: Iterable[str] = ()) -> str:
        """For example: `it touched memory that is not its own (SIGSEGV)`.

        With the lines that the child logged, native code's own last words follow.
        """
        if not self.signal_name:
            return f"it ended with exit status {self.exit_code}"
        words = _SIGNAL_WORDS.get(self.signal_name, "the system ended it")
        lines = list(log)
        found = [match["words"] for line in lines if (match := _LAST_WORDS.match(line))]
        if not found:
            return f"{words} ({self.signal_name})"
        # CUDA's last words are “CUDA error”: which one it was stands before.
        full = [line.strip() for line in lines if line.startswith(f"{found[-1]}: ")]
        return f"{words} ({self.signal_name}): {[*found, *full][-1]}"


def _name_of(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
