"""Downloads, and conversions while downloading, killed halfway."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from app.core.files import PART_SUFFIX
from app.library.stream_journal import Journal
from tests.support.hub.local_hub import LocalHub
from tests.support.machine.verbs import started

_LOOK_SECONDS = 0.001
_OF_WEIGHTS = ".safetensors"
PHASES = ("headers", "planning", "streaming", "hashing", "finishing", "renaming")


def kill_download(hub: LocalHub, repository: str, target: Path, after_bytes: int) -> bool:
    """Download, and kill -9 once the server has sent this many bytes more.

    Returns:
        Whether the child had already finished.
    """
    wanted = hub.sent_bytes() + after_bytes
    arguments = ("download", repository, "--to", str(target))
    return killed_when(lambda: hub.wait_for_sent(wanted, 0.02), *arguments) is not None


def killed_when(is_time: Callable[[], bool], verb: str, *arguments: str) -> int | None:
    """Run a verb, and kill -9 it when it is time; return its exit status if it ended before."""
    with started(verb, *arguments) as child:
        # A child with unread events blocks.
        reader = threading.Thread(target=child.end)
        reader.start()
        while child.process.poll() is None:
            if is_time():
                child.process.kill()
                reader.join()
                return None
        reader.join()
        return child.process.returncode


def leftovers(target: Path, home: Path) -> list[str]:
    """Return the files that should not be left after a download has finished."""
    notes = [note for note in (home / "unfinished").glob("*") if note.stat().st_size]
    streams = (home / "streams").rglob("*")
    found = [*target.rglob("*.part*"), *target.rglob("*.download.json"), *notes, *streams]
    return [path.name for path in found]


@dataclass(frozen=True)
class StreamKiller:
    """Kills `get` of a checkpoint at random moments of one of its phases."""

    hub: LocalHub
    checkpoint: Path
    home: Path
    chance: random.Random

    @property
    def weights_bytes(self) -> int:
        """The bytes of all weight files."""
        return sum(file.stat().st_size for file in self._weight_files())

    def sent_bytes(self) -> int:
        """Return the bytes of weight files that the server has sent."""
        return self.hub.sent_bytes(_OF_WEIGHTS)

    def done_bytes(self) -> int:
        """Return the bytes of weight files that the next run won't fetch again."""
        return sum(Journal(folder).done_bytes for folder in self._folders())

    def phase(self, target: Path) -> str:
        """Return the phase that a killed run was in."""
        if self._is_complete() or list(target.glob("*.gguf")):
            return "renaming"
        if not self.done_bytes() and not list(target.glob("*.part")):
            is_outlined = any(
                not path.name.endswith(PART_SUFFIX) for path in (self.home / "outlines").glob("*")
            )
            return "planning" if is_outlined else "headers"
        ended = self._ended()
        if len(ended) == len(self._weight_files()):
            return "finishing"
        return "hashing" if ended - self._verified() else "streaming"

    def moment_in(self, phase: str, target: Path) -> Callable[[], bool]:
        """Return a function that tells whether a random moment of a phase has come."""
        left = self.weights_bytes - self.done_bytes()
        wait = threading.Event().wait
        began, sent, ended = time.monotonic(), self.hub.sent_bytes(), self._ended()
        if phase == "headers":
            wanted = sent + self.chance.randrange(1_000_000)
            return lambda: self.hub.wait_for_sent(wanted, 0.02) or self._has_begun()
        if phase == "planning":
            seconds = self.chance.uniform(0.5, 4)
            return lambda: (
                not wait(0.02) and (time.monotonic() - began > seconds or self._has_begun())
            )
        if phase == "streaming":
            wanted = sent + self.chance.randrange(left + 1)
            return lambda: self.hub.wait_for_sent(wanted, 0.02)
        if phase == "hashing":
            return self._soon_after(0.05, lambda: self._ended() > ended)
        if phase == "finishing":
            files = len(self._weight_files())
            return self._soon_after(0.4, lambda: len(self._ended()) == files)
        return self._soon_after(
            0.01, lambda: self._is_complete() or bool(list(target.glob("*.gguf")))
        )

    def _soon_after(self, seconds: float, has_come: Callable[[], bool]) -> Callable[[], bool]:
        """Return a function that tells whether a random time has passed since a moment."""
        passed, wait = self.chance.uniform(0, seconds), threading.Event().wait
        return lambda: not wait(_LOOK_SECONDS) and has_come() and not wait(passed)

    def _weight_files(self) -> list[Path]:
        return sorted(self.checkpoint.glob(f"*{_OF_WEIGHTS}"))

    def _folders(self) -> list[Path]:
        return list((self.home / "streams").glob("*"))

    def _has_begun(self) -> bool:
        return any(Journal(folder).record for folder in self._folders())

    def _is_complete(self) -> bool:
        return any(Journal(folder).is_complete for folder in self._folders())

    def _verified(self) -> set[str]:
        journals = map(Journal, self._folders())
        positions = (position for journal in journals for position in journal.positions.items())
        return {name for name, position in positions if position.is_verified}

    def _ended(self) -> set[str]:
        """Return the names of the weight files that have been sent to their end."""
        files = self._weight_files()
        return {file.name for file in files if self._end_of(file) >= file.stat().st_size}

    def _end_of(self, file: Path) -> int:
        """Return how far a file has been sent."""
        ends = (
            int(asked.removeprefix("bytes=").partition("-")[0] or 0) + request.sent_bytes
            for request in list(self.hub.requests)
            if request.method == "GET" and request.path.partition("?")[0].endswith(file.name)
            for asked in [request.headers.get("range", "bytes=0-")]
        )
        return max(ends, default=0)
