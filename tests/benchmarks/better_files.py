"""Quality of files of one size, from plain ones to tuned ones with chosen types.

Run: `python -m tests.benchmarks.better_files [trained|smollm2|gemma|FOLDER] [--level L …]
[--way W …] [--chunks N]`.
The first is a small Llama that learned Python's documentation, the second SmolLM2 made continuous;
both are calibrated on one part of the documentation and measured on another. All files of a level
have at most as many bytes as the plain one. Divergences are those of the engine from 16 bits.
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from tests.support.checkpoints.continuous import (
    dithered_gemma,
    dithered_smollm2,
    documentation,
    learned_and_held_out,
    trained_llama,
)
from tests.support.machine.verbs import run_verb

_LEVELS = ("Q2_K", "Q3_K_M", "Q4_K_M", "Q4_0")
_CALIBRATION_LETTERS, _HELD_OUT_LETTERS = 80_000, 60_000
_PREDICTED = re.compile(r"this file.* (?P<mean>\d\.\d+)$", re.MULTILINE)
_COMPARED = re.compile(r"This file .*KL divergence (?P<mean>\d\.\d+)")


class Text(NamedTuple):
    """The files of text."""

    calibration: Path
    held_out: Path


def main() -> None:
    """Convert, measure and print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("source", nargs="?", default="trained")
    parser.add_argument("--level", action="append")
    parser.add_argument("--way", action="append", help="the importance matrix comes first")
    parser.add_argument("--chunks", type=int, default=16)
    given = parser.parse_args()
    known = {"trained": trained_llama, "smollm2": dithered_smollm2, "gemma": dithered_gemma}
    source = known[given.source]() if given.source in known else Path(given.source)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        text = _texts(folder)
        reference = folder / "BF16.gguf"
        _convert(source, reference, "--level", "BF16")
        print(
            f"{'level':<8}{'file':<18}{'bytes':>14}{'KL':>9}{'of matrix':>10}{'perplexity':>12}"
            f"{'same top':>10}{'predicted':>11}{'compared':>10}{'seconds':>9}"
        )
        for level in given.level or _LEVELS:
            _print_level(source, level, reference, text, given)


def _texts(folder: Path) -> Text:
    learned, held_out = learned_and_held_out(documentation())
    text = Text(folder / "calibration.txt", folder / "held_out.txt")
    text.calibration.write_text(learned[-_CALIBRATION_LETTERS:], encoding="utf-8")
    text.held_out.write_text(held_out[:_HELD_OUT_LETTERS], encoding="utf-8")
    return text


def _print_level(
    source: Path, level: str, reference: Path, text: Text, given: argparse.Namespace
) -> None:
    file = reference.with_name(f"{level}.gguf")
    _convert(source, file, "--level", level)
    size = str(file.stat().st_size)
    calibration = ("--calibration", str(text.calibration))
    ways = {
        "plain": ("--level", level),
        "importance matrix": ("--level", level, *calibration),
        "chosen types": ("--target-size", size, *calibration),
        "corrected": ("--level", level, "--correct", *calibration),
        "both": ("--target-size", size, "--correct", *calibration),
        "both, tuned": ("--target-size", size, "--correct", "--tune", *calibration),
    }
    of_matrix = 0.0
    for name, options in ways.items():
        if given.way and name not in given.way:
            continue
        began = time.monotonic()
        said = _convert(source, file, *options)
        seconds = time.monotonic() - began
        measured = ("--text", str(text.held_out), "--chunks", str(given.chunks))
        ended = run_verb("measure", str(file), *measured, "--reference", str(reference), "--json")
        assert ended.status == 0, ended.complaints
        found = json.loads(ended.lines[0])
        mean = found["kl_divergence"]["mean"]
        of_matrix = mean if name == "importance matrix" else of_matrix
        predicted, compared = (
            match["mean"] if (match := pattern.search(said)) else ""
            for pattern in (_PREDICTED, _COMPARED)
        )
        print(
            f"{level:<8}{name:<18}{file.stat().st_size:>14,}{mean:>9.4f}"
            f"{mean / of_matrix if of_matrix else 0:>10.2f}{found['perplexity']:>12.3f}"
            f"{found['top_token_agreement']:>10.3f}{predicted:>11}{compared:>10}{seconds:>9.0f}",
            flush=True,
        )


def _convert(source: Path, file: Path, *options: str) -> str:
    ended = run_verb("convert", str(source), *options, "--to", str(file), "--overwrite")
    assert ended.status == 0, ended.complaints
    return "\n".join(ended.lines)


if __name__ == "__main__":
    main()
