"""Conversions by `get` killed at 200 random points: `python -m tests.benchmarks.get_kills [COUNT]`.

A checkpoint of three shards is converted while it downloads, and killed with SIGKILL up to five
times before it may finish: while headers are fetched, while the conversion is planned (what
arrives meanwhile waits in memory), in the stream, when the checksum of a shard is due, at the end,
and while the file gets its name. The bytes sent twice are those that the server had sent and the
journal didn't have, including those on their way. Status 1 is that of a run that finds the file
finished.
"""

from __future__ import annotations

import collections
import os
import random
import shutil
import sys
import tempfile
from pathlib import Path

from tests.support.checkpoints.checkpoints import make_tiny_checkpoint
from tests.support.hub.kills import PHASES, StreamKiller, killed_when, leftovers
from tests.support.hub.local_hub import LocalHub
from tests.support.machine.installed import lend_converter
from tests.support.machine.verbs import run_verb

COUNT = 200
KILLS_OF_ONE = 5
OFTEN = {"headers": 1, "planning": 1, "streaming": 5, "hashing": 2, "finishing": 2}
"""How often a kill is to come in a phase."""
BYTES_PER_SECOND = 15 * 10**6
LEVEL = "Q4_K_M"
FILE = f"Tiny-{LEVEL}.gguf"
NAME = "owner/Tiny"


def main() -> None:
    """Print what the kills in each phase cost."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else COUNT
    chance, number = random.Random(0), 0
    lost: dict[str, list[float]] = collections.defaultdict(list)
    with tempfile.TemporaryDirectory() as name, LocalHub() as hub:
        home, folder = Path(name, "home"), Path(name)
        os.environ.update(GRISTMILL_HOME=str(home), HF_ENDPOINT=hub.endpoint)
        lend_converter(home)
        served = make_tiny_checkpoint(
            folder / "Tiny", width=512, layers=16, vocabulary=2048, shards=3
        )
        hub.add_repository(NAME, served, lfs_above_bytes=100_000)
        to = str(folder / "made")
        assert run_verb("convert", str(served), "--level", LEVEL, "--to", to).status == 0
        hub.faults.bytes_per_second = BYTES_PER_SECOND
        killer = StreamKiller(hub, served, home, chance)
        while sum(map(len, lost.values())) < count:
            number += 1
            target = folder / str(number)
            killer.begin()
            shutil.rmtree(home / "outlines", ignore_errors=True)
            status = _killed_and_finished(killer, chance, target, lost)
            made = target / FILE
            is_right = made.exists() and made.read_bytes() == (folder / "made" / FILE).read_bytes()
            left = leftovers(target, home) or "nothing"
            kills = sum(map(len, lost.values()))
            print(
                f"{kills:>4} kills: {'right' if is_right else 'WRONG'} (status {status}), "
                f"{left} left, {killer.sent_bytes() / killer.weights_bytes:.2f} "
                "times the weights sent",
                flush=True,
            )
            shutil.rmtree(target)
    print(f"{'killed':<12}{'times':>6}{'MB sent twice: mean':>21}{'most':>7}")
    for phase in PHASES:
        several = lost.get(phase, [])
        mean = sum(several) / max(1, len(several))
        print(f"{phase:<12}{len(several):>6}{mean:>21.1f}{max(several, default=0):>7.1f}")


def _killed_and_finished(
    killer: StreamKiller, chance: random.Random, target: Path, lost: dict[str, list[float]]
) -> int:
    """Kill a few runs, then let one finish; return its exit status."""
    command = ("get", NAME, "--level", LEVEL, "--to", str(target))
    chosen = chance.choices([*OFTEN], [*OFTEN.values()], k=KILLS_OF_ONE - 1)
    spent = 0
    for phase in (*sorted(chosen, key=PHASES.index), PHASES[-1]):
        status = killer.kill(phase, target, *command)
        if status is not None:
            return status
        where = killer.phase(target)
        unsafe = killer.sent_bytes() - killer.done_bytes() if where != "renaming" else spent
        lost[where].append((unsafe - spent) / 1e6)
        spent = unsafe
    return killed_when(lambda: False, *command) or 0


if __name__ == "__main__":
    main()
