"""Edits of a model killed at system calls, each in a fork of this process.

Run: `python -m tests.support.gguf.edit_kills FILE NAME COUNT SEED`. It gives FILE the name in its
metadata, prints how many calls an edit makes, then for each of COUNT kills which file is left:
`old`, `new` or `broken`, and what lies beside it after the next start.
"""

from __future__ import annotations

import os
import random
import signal
import sys
from pathlib import Path
from types import FrameType

from app.core import leftovers
from app.gguf_file.metadata_edit import edit_metadata


def main(path: Path, name: str, count: int, seed: int) -> None:
    """Kill edits and print the files that they leave."""
    old, copy = path.read_bytes(), path.with_name("copy")
    copy.write_bytes(old)
    calls = _calls_of_edit(path, name)
    new = path.read_bytes()
    print(calls)
    for at in sorted(random.Random(seed).sample(range(1, calls + 1), min(count, calls))):
        path.write_bytes(old)
        child = os.fork()
        if child == 0:
            _edit(path, name, at)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status), at
        left = {old: "old", new: "new"}.get(path.read_bytes(), "broken")
        leftovers.sweep()
        beside = {file.name for file in path.parent.iterdir() if file.is_file()} - {
            path.name,
            copy.name,
        }
        print(left, *sorted(beside))


def _calls_of_edit(path: Path, name: str) -> int:
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, str(_edit(path, name, 0)).encode())
        os._exit(0)
    os.waitpid(child, 0)
    return int(os.read(reader, 100))


def _edit(path: Path, name: str, at: int) -> int:
    """Edit and return the number of C calls; with `at`, be killed before that call."""
    calls = 0

    def count(_: FrameType, event: str, __: object) -> None:
        nonlocal calls
        if event == "c_call":
            calls += 1
            if calls == at:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(count)
    edit_metadata(path, {"general.name": name}, None, lambda _: None)
    sys.setprofile(None)
    return calls


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
