"""Downloads, and conversions while downloading, killed halfway."""

from __future__ import annotations

import hashlib
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path

from app.core.files import PART_SUFFIX, size_of
from app.library.stream_journal import Journal
from tests.support.hub.local_hub import LocalHub
from tests.support.machine.verbs import started

_LOOK_SECONDS = 0.003
_SUFFIX = ".safetensors"
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


def kept_bytes(home: Path) -> int:
    """Return how much conversions have kept that arrived before there was a plan."""
    return sum(map(size_of, (home / "streams").glob("*/prefetched/*")))


class StreamKiller:
    """Kills `get` of a checkpoint, again and again, at random moments of one of its phases."""

    def __init__(self, hub: LocalHub, checkpoint: Path, home: Path, chance: random.Random) -> None:
        self._hub = hub
        files = list(checkpoint.glob(f"*{_SUFFIX}"))
        self._sizes = {file.name: file.stat().st_size for file in files}
        self._names = {hashlib.sha256(file.read_bytes()).hexdigest(): file.name for file in files}
        self._home = home
        self._chance = chance
        self._sent_before = 0
        self.weights_bytes = sum(self._sizes.values())

    def begin(self) -> None:
        """Begin with another file."""
        self._hub.requests.clear()
        self._sent_before = 0

    def sent_bytes(self) -> int:
        """Return the bytes of weight files that the server has sent to all runs."""
        return self._sent_before + self._hub.sent_bytes(_SUFFIX)

    def done_bytes(self) -> int:
        """Return the bytes of weight files that the next run won't fetch again."""
        return sum(max(self._noted(name), self._kept(name)) for name in self._sizes)

    def kill(self, phase: str, target: Path, *command: str) -> int | None:
        """Run a command, and kill it in a phase; return its exit status if it ended before."""
        self._sent_before = self.sent_bytes()
        self._hub.requests.clear()
        return killed_when(self._moment_in(phase, target), *command)

    def phase(self, target: Path) -> str:
        """Return the phase in which the last run was killed."""
        if self._is_complete() or list(target.glob("*.gguf")):
            return "renaming"
        if not any(map(self._noted, self._sizes)) and not list(target.glob("*.part")):
            outlines = (self._home / "outlines").glob("*")
            is_outlined = any(not path.name.endswith(PART_SUFFIX) for path in outlines)
            return "planning" if is_outlined else "headers"
        ended = self._ended()
        if ended == self._sizes.keys():
            return "finishing"
        return "hashing" if ended - self._verified() else "streaming"

    def _moment_in(self, phase: str, target: Path) -> Callable[[], bool]:
        """Return a function that tells whether a random moment of a phase has come."""
        wait, began, ended = threading.Event().wait, time.monotonic(), self._ended()
        if phase == "headers":
            wanted = self._chance.randrange(1_000_000)
            return lambda: self._hub.wait_for_sent(wanted, 0.02) or self._has_begun()
        if phase == "planning":
            seconds = self._chance.uniform(0.5, 4)
            return lambda: (
                not wait(0.02) and (time.monotonic() - began > seconds or self._has_begun())
            )
        if phase == "streaming":
            done = self.done_bytes()
            wanted = round(self._chance.random() * (self.weights_bytes - done))
            return lambda: self._hub.wait_for_sent(wanted, 0.02) and self._has_begun()
        if phase == "hashing":
            return self._soon_after(0.05, lambda: self._ended() > ended)
        if phase == "finishing":
            return self._soon_after(0.1, lambda: self._ended() == self._sizes.keys())
        return self._soon_after(
            0.01, lambda: self._is_complete() or bool(list(target.glob("*.gguf")))
        )

    def _soon_after(self, seconds: float, has_come: Callable[[], bool]) -> Callable[[], bool]:
        """Return a function that tells whether a random time has passed since a moment."""
        passed, wait = self._chance.uniform(0, seconds), threading.Event().wait
        return lambda: not wait(_LOOK_SECONDS) and has_come() and not wait(passed)

    def _journals(self) -> list[Journal]:
        return [Journal(folder) for folder in (self._home / "streams").glob("*")]

    def _noted(self, name: str) -> int:
        """Return how much of a weight file is safe by the journal."""
        found = (journal.positions.get(name) for journal in self._journals())
        return max((position.offset for position in found if position), default=0)

    def _kept(self, name: str) -> int:
        """Return how much of a weight file is kept since before there was a plan."""
        kept = (self._home / "streams").glob("*/prefetched/*")
        return max(
            (size_of(path) for path in kept if self._names.get(path.name) == name), default=0
        )

    def _has_begun(self) -> bool:
        return any(journal.record for journal in self._journals())

    def _is_complete(self) -> bool:
        return any(journal.is_complete for journal in self._journals())

    def _verified(self) -> set[str]:
        positions = [one for journal in self._journals() for one in journal.positions.items()]
        return {name for name, position in positions if position.is_verified}

    def _ended(self) -> set[str]:
        """Return the names of the weight files that this run or an earlier one was sent whole."""
        sent = {name for name, size in self._sizes.items() if self._end_of(name) >= size}
        return sent | self._verified()

    def _end_of(self, name: str) -> int:
        """Return how far a file has been sent to this run."""
        ends = (
            int(request.headers.get("range", "bytes=0-")[6:].partition("-")[0]) + request.sent_bytes
            for request in list(self._hub.requests)
            if request.method == "GET" and request.path.partition("?")[0].endswith(name)
        )
        return max(ends, default=0)
