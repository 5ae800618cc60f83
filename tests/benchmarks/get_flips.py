"""A flipped bit in each shard that `get` converts: `python -m tests.benchmarks.get_flips [COUNT]`.

Each run converts a checkpoint of ten shards while it downloads. In every shard, one bit at a random
place is flipped on its way, 100 in all. Each must be noticed, so that the shard is sent again, and
the result must have the bytes of `convert`.
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
import time
from pathlib import Path

from tests.support.checkpoints.checkpoints import make_tiny_checkpoint
from tests.support.hub.kills import leftovers
from tests.support.hub.local_hub import LocalHub
from tests.support.machine.installed import lend_converter
from tests.support.machine.verbs import run_verb, started

COUNT = 100
SHARDS = 10
LEVEL = ("--level", "Q4_K_M")
FILE = "Tiny-Q4_K_M.gguf"
NAME = "owner/Tiny"
OUTLINE_BYTES = SHARDS * 2**18
"""What is fetched of the shards before the stream."""


def main() -> None:
    """Print how many flipped bits were noticed."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else COUNT
    chance, flipped, noticed, right, runs = random.Random(0), 0, 0, 0, 0
    with tempfile.TemporaryDirectory() as name, LocalHub() as hub:
        home, folder = Path(name, "home"), Path(name)
        os.environ.update(GRISTMILL_HOME=str(home), HF_ENDPOINT=hub.endpoint)
        lend_converter(home)
        served = make_tiny_checkpoint(folder / "Tiny", width=512, layers=10, shards=SHARDS)
        sizes = {file.name: file.stat().st_size for file in served.glob("*.safetensors")}
        hub.add_repository(NAME, served, lfs_above_bytes=100_000)
        made = folder / "made"
        assert run_verb("convert", str(served), *LEVEL, "--to", str(made)).status == 0
        while flipped < count:
            target, began = folder / str(runs), time.monotonic()
            places = {shard: {chance.randrange(size)} for shard, size in sizes.items()}
            if runs == 0:
                hub.faults.hold_after_bytes = OUTLINE_BYTES
            else:
                hub.faults.flipped_in = places
            hub.requests.clear()
            with started("get", NAME, *LEVEL, "--to", str(target)) as child:
                if runs == 0:
                    # The outline, which stays for the later runs, is to be sound.
                    assert hub.wait_for_sent(OUTLINE_BYTES)
                    hub.faults.flipped_in = places
                    hub.release()
                status = child.end()
            runs, flipped = runs + 1, flipped + SHARDS
            noticed += sum(_times_sent(hub, shard) > 1 for shard in sizes if not places[shard])
            is_right = (target / FILE).read_bytes() == (made / FILE).read_bytes()
            right += is_right and not leftovers(target, home)
            print(
                f"{flipped:>4} flipped bits: {noticed} noticed, {right} of {runs} files right "
                f"(status {status}, {time.monotonic() - began:.1f} s)",
                flush=True,
            )


def _times_sent(hub: LocalHub, shard: str) -> int:
    """Return how often a shard was asked for from its beginning."""
    return sum(
        request.server == "storage"
        and request.path.partition("?")[0].endswith(shard)
        and "range" not in request.headers
        for request in hub.file_requests()
    )


if __name__ == "__main__":
    main()
