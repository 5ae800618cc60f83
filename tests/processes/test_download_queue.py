"""Nothing that the download queue has acknowledged is lost when the process is killed."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import app
from app.core import paths
from app.library.download_queue import DownloadQueue

KILLS = 20
_WRITER = """
import json, random, sys
from app.core import paths
from app.library.download_queue import DownloadQueue
from app.library.unfinished_downloads import DownloadRequest

queue = DownloadQueue(paths.downloads_file())
draw = random.Random(int(sys.argv[1]))
for number in range(10_000):
    added = queue.add(DownloadRequest(f"owner/{sys.argv[1]}-{number}", "main", "*Q4*"))
    print(json.dumps(["add", added.id, added.request.repository]), flush=True)
    if number % 3 == 0:
        queue.mark("paused", added.id)
        print(json.dumps(["pause", added.id, ""]), flush=True)
    if number % 4 == 0:
        queue.move(added.id, "top")
        print(json.dumps(["top", added.id, ""]), flush=True)
"""


def _acknowledged_until_killed(seed: int, lines: int) -> list[tuple[str, int, str]]:
    child = subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(seed)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(app.__file__).parents[1])},
    )
    assert child.stdout is not None
    said = [child.stdout.readline() for _ in range(lines)]
    child.kill()
    # What was said between the last line read and the kill was acknowledged too.
    said += child.communicate()[0].splitlines(keepends=True)
    assert child.returncode != 0
    return [tuple(json.loads(line)) for line in said if line.endswith(b"\n")]


def test_no_acknowledged_change_is_lost() -> None:
    draw = random.Random(14)
    names: dict[int, str] = {}
    paused: set[int] = set()
    for seed in range(KILLS):
        said = _acknowledged_until_killed(seed, draw.randint(1, 30))
        names |= {number: name for change, number, name in said if change == "add"}
        paused |= {number for change, number, _ in said if change == "pause"}
        last_on_top = [number for change, number, _ in said if change == "top"][-1:]
        with closing(DownloadQueue(paths.downloads_file())) as queue:
            entries = queue.entries()
        found = {entry.id: entry for entry in entries}
        assert all(found[number].request.repository == name for number, name in names.items())
        assert all(found[number].state == "paused" for number in paused)
        # At most the change that was not acknowledged is above it.
        assert not last_on_top or last_on_top[0] in [entry.id for entry in entries[:2]]
        # A change is there wholly or not at all.
        assert {entry.state for entry in entries} <= {"waiting", "paused"}
        assert len(found) <= len(names) + seed + 1
