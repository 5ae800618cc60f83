"""Sizes of a repository that is not downloaded: `python -m tests.benchmarks.remote_estimate`.

Llama-3.1-8B in four shards, with everything real except its weights, is on a Hub on loopback. The
time is that of `gristmill estimate`, first without any files, then with the cached outline. The
sizes are compared with those of the folder, and those of a tiny model with the files that a
conversion writes.
"""

from __future__ import annotations

import json
import os
import resource
import tempfile
import time
from pathlib import Path

from app.core.levels import LEVELS
from tests.support.checkpoints.checkpoints import make_tiny_checkpoint
from tests.support.checkpoints.llama_3_1 import make_llama_3_1_8b
from tests.support.hub.local_hub import LocalHub
from tests.support.machine.installed import lend_converter
from tests.support.machine.known_machine import remember_machine
from tests.support.machine.verbs import run_verb

_MEGABYTE = 1e6


def main() -> None:
    """Print a table: seconds, processor seconds, bytes, and the largest difference of a level."""
    with tempfile.TemporaryDirectory() as name, LocalHub() as hub:
        folder = Path(name)
        os.environ |= {"GRISTMILL_HOME": str(folder / "home"), "HF_ENDPOINT": hub.endpoint}
        converter = lend_converter(folder / "home")
        # Measuring the machine takes extra time, once.
        remember_machine()
        large = make_llama_3_1_8b(folder / "Llama-3.1-8B-Instruct", converter)
        hub.add_repository(f"owner/{large.name}", large)
        print(f"{'source':<34}{'seconds':>9}{'processor':>11}{'MB sent':>9}{'bytes off':>11}")
        local = _row("Llama-3.1-8B, its folder", str(large), hub, {})
        _row("Llama-3.1-8B, on the Hub", f"owner/{large.name}", hub, local)
        _row("Llama-3.1-8B, a second time", f"owner/{large.name}", hub, local)
        tiny = make_tiny_checkpoint(folder / "tiny", layers=2, shards=3)
        hub.add_repository("owner/tiny", tiny)
        _row("tiny, against converted files", "owner/tiny", hub, _written(tiny, folder / "made"))


def _row(title: str, source: str, hub: LocalHub, expected: dict[str, int]) -> dict[str, int]:
    hub.requests.clear()
    before, used = time.perf_counter(), _processor_seconds()
    ended = run_verb("estimate", source, "--json")
    seconds, used = time.perf_counter() - before, _processor_seconds() - used
    assert ended.status == 0, ended.complaints
    levels = json.loads("\n".join(ended.lines))["levels"]
    sizes = {level["level"]: level["size_bytes"] for level in levels}
    off = [abs(sizes[level] - size_bytes) for level, size_bytes in expected.items()]
    difference = f"{max(off)}" if off else ""
    sent = hub.sent_bytes() / _MEGABYTE
    print(f"{title:<34}{seconds:>9.2f}{used:>11.2f}{sent:>9.2f}{difference:>11}")
    return sizes


def _processor_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _written(checkpoint: Path, folder: Path) -> dict[str, int]:
    names = [level.name for level in LEVELS]
    options = [word for name in names for word in ("--level", name)]
    ended = run_verb("convert", str(checkpoint), *options, "--to", str(folder))
    assert ended.status == 0, ended.complaints
    return {name: (folder / f"tiny-{name}.gguf").stat().st_size for name in names}


if __name__ == "__main__":
    main()
