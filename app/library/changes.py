"""Watch for changes to the files of a loaded model."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from app.core.language import tr

_LOOK_SECONDS = 0.5
_States = Mapping[Path, os.stat_result]


def watch_files(files: Sequence[Path], on_change: Callable[[str], None]) -> None:
    """Watch files on a separate thread and report the first change of one of them.

    A network drive that is gone may block that thread.
    """
    before = {file: file.stat() for file in files}
    threading.Thread(target=_watch, args=(before, on_change), name="files", daemon=True).start()


def _watch(before: _States, on_change: Callable[[str], None]) -> None:
    change = ""
    while not change:
        time.sleep(_LOOK_SECONDS)
        change = next(filter(None, (_change(*state) for state in before.items())), "")
    on_change(change)


def _change(file: Path, before: os.stat_result) -> str:
    try:
        after = file.stat()
    except FileNotFoundError:
        return tr("it was deleted or moved")
    except OSError:
        return ""
    if (before.st_dev, before.st_ino) != (after.st_dev, after.st_ino):
        return tr("another file replaced it")
    if after.st_size < before.st_size:
        return tr("it was truncated")
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        return tr("it was modified")
    return ""
