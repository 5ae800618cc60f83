"""The main story in a terminal: convert a repository, see the sizes, chat with the result."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from app.core.levels import LEVELS
from app.jobs.outcome import EXIT_CANCELED
from tests.support.checkpoints.checkpoints import smollm2_checkpoint
from tests.support.hub.local_hub import LocalHub
from tests.support.machine.verbs import ROOT, run_verb

pytestmark = pytest.mark.slow

REPOSITORY = "HuggingFaceTB/SmolLM2-135M-Instruct"
NAME = "SmolLM2-135M-Instruct"
ON_A_TERMINAL = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))"
SIZE = r"[\d.]+ [kMG]B"
CONTROL_C = b"\x03"
QUESTION = "Tell me the capital of France."


@pytest.fixture
def hub(hub: LocalHub) -> LocalHub:
    hub.add_repository(REPOSITORY, smollm2_checkpoint(shards=2))
    return hub


def sizes_told(lines: list[str]) -> dict[str, int]:
    found = [re.fullmatch(r"(\w+) +([\d,]+) bytes .*", line) for line in lines]
    return {match[1]: int(match[2].replace(",", "")) for match in found if match}


def test_the_main_job(hub: LocalHub, converter: Path, home: Path) -> None:
    converted = run_verb("convert", REPOSITORY, "--level", "Q4_K_M", "--level", "Q8_0")

    assert converted.status == 0, converted.complaints
    files = [home / "models" / f"{NAME}-{level}.gguf" for level in ("Q4_K_M", "Q8_0")]
    assert converted.lines[-2:] == [str(file) for file in files]
    assert sorted((home / "models").iterdir()) == files
    assert all(
        line.startswith(("Downloading", "Planning", "Converting")) for line in converted.complaints
    )

    hub.requests.clear()
    dry = run_verb("convert", REPOSITORY, "--dry-run")

    assert dry.status == 0
    told = sizes_told(dry.lines)
    assert list(told) == [level.name for level in LEVELS]
    assert [told["Q4_K_M"], told["Q8_0"]] == [file.stat().st_size for file in files]
    assert not hub.file_requests()
    assert sorted((home / "models").iterdir()) == files

    for model in (f"{NAME}-Q4_K_M", str(files[1])):
        options = ("--seed", "1", "--temperature", "0", "--max-tokens", "40")
        asked = run_verb("chat", model, QUESTION, *options)
        assert asked.status == 0, asked.complaints
        assert "Paris" in "\n".join(asked.lines)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo terminals of this kind")
def test_speed_and_time_left_on_a_terminal_until_control_c(
    converter: Path, home: Path, tmp_path: Path
) -> None:
    # Enough work for one thread that a speed is known long before the end, on any machine.
    levels = ("Q2_K", "Q3_K_M", "Q4_K_M", "Q5_K_M", "Q6_K", "F32")
    verb = ["convert", str(smollm2_checkpoint()), *(f"--level={level}" for level in levels)]
    program = [sys.executable, "-m", "app", *verb, "--threads", "1"]
    with subprocess.Popen(
        [sys.executable, "-c", ON_A_TERMINAL, *program],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as child:
        assert child.stdin
        assert child.stdout
        shown = ""
        progress = None
        while not progress and (read := os.read(child.stdout.fileno(), 4096)):
            shown += read.decode("utf-8", "replace")
            progress = re.search(
                rf"\rConverting  \d+%  {SIZE} of {SIZE}  {SIZE}/s  \d+ s left  \S+", shown
            )
        assert progress, shown
        child.stdin.write(CONTROL_C)
        child.stdin.flush()
        # Whatever is still on its way out must be read, or the terminal would stand still.
        rest = child.stdout.read()
        assert child.wait() == EXIT_CANCELED
    assert b"Traceback" not in rest
    assert not list((home / "models").glob("*"))
    assert not list((home / "unfinished").glob("*"))
