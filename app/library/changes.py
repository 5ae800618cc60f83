"""Whether a model's files are still those that were loaded."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

_LOOK_SECONDS = 0.5
_States = Mapping[Path, os.stat_result]


def watch_files(files: Sequence[Path], tell: Callable[[str], None]) -> None:
    """Look after files from now on, and tell once, in words, what has become of one of them.

    On a thread of its own, which a network drive that is gone may hold up.
    """
    before = {file: file.stat() for file in files}
    threading.Thread(target=_watch, args=(before, tell), name="files", daemon=True).start()


def _watch(before: _States, tell: Callable[[str], None]) -> None:
    change = ""
    while not change:
        time.sleep(_LOOK_SECONDS)
        change = next(filter(None, (_change(*state) for state in before.items())), "")
    tell(change)


def _change(file: Path, before: os.stat_result) -> str:
    try:
        after = file.stat()
    except FileNotFoundError:
        return "it was deleted or moved"
    except OSError:
        return ""
    if (before.st_dev, before.st_ino) != (after.st_dev, after.st_ino):
        return "another file took its place"
    if after.st_size < before.st_size:
        return "it was cut short"
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        return "it was written to"
    return ""
