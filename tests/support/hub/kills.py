"""Downloads killed halfway."""

from __future__ import annotations

from pathlib import Path

from tests.support.hub.local_hub import LocalHub
from tests.support.machine.verbs import started


def kill_download(hub: LocalHub, repository: str, target: Path, after_bytes: int) -> bool:
    """Download, and kill -9 once the server has sent this many bytes more.

    Returns:
        Whether the child had already finished.
    """
    wanted = hub.sent_bytes() + after_bytes
    with started("download", repository, "--to", str(target)) as child:
        while not hub.wait_for_sent(wanted, 0.02):
            if child.process.poll() is not None:
                return True
        child.process.kill()
        child.process.wait()
    return False


def leftovers(target: Path, home: Path) -> list[str]:
    """Return the files that should not be left after a download has finished."""
    notes = [note for note in (home / "unfinished").glob("*") if note.stat().st_size]
    found = [*target.rglob("*.part*"), *target.rglob("*.download.json"), *notes]
    return [path.name for path in found]
