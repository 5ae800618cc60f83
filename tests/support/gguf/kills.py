"""Conversions killed halfway."""

from __future__ import annotations

import threading
from pathlib import Path

import psutil

from app.core.events import Event
from tests.support.machine.verbs import started

MOST_EVENTS = 450
"""About as many as a conversion of a tiny Llama of 24 layers to two levels gives.

With every event seen, the child may be in the middle of the files' last sync and rename.
"""


def kill_conversion(source: Path, target: Path, wanted: int) -> None:
    """Convert a checkpoint to two levels, and kill the child after `wanted` events."""
    seen = 0

    def is_the_one(_: Event) -> bool:
        nonlocal seen
        seen += 1
        return seen > wanted

    arguments = ("--level", "Q4_K_M", "--level", "Q8_0", "--to", str(target))
    with started("convert", str(source), *arguments) as child:
        try:
            child.read_until(is_the_one)
        except AssertionError:
            # It had already finished.
            return
        child.process.kill()
        child.process.wait()


def kill_measured_conversion(source: Path, target: Path, text: Path, seconds: float) -> None:
    """Choose types for a size and correct the rounding; kill the child after some seconds."""
    measured = ("--target-bits", "4", "--correct", "--calibration", str(text))
    with started("convert", str(source), *measured, "--to", str(target)) as child:
        # A child with unread events would wait for a reader.
        reader = threading.Thread(target=child.end)
        reader.start()
        reader.join(seconds)
        child.process.kill()
        reader.join()


def orphans(temporary: Path) -> list[str]:
    """Return the commands of processes that a killed conversion left running."""
    words = (
        " ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"])
    )
    return [command for command in words if str(temporary) in command]


def leftovers(target: Path, home: Path, temporary: Path) -> list[str]:
    """Return what a killed conversion wrongly left behind after the next start."""
    found = [
        *target.glob("*.part"),
        *(home / "unfinished").glob("*"),
        *temporary.glob("gristmill-*"),
    ]
    return [path.name for path in found]
