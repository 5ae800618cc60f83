"""Accuracy of the predicted quality of levels.

Run: `python -m tests.benchmarks.quality [SOURCE] [--text FILE] [--chunks N] [--level L …]`. SOURCE
is a checkpoint's folder or a GGUF file in 16 bits, SmolLM2 by default; the text is Python's
documentation. It prints the mean KL divergence of each level from 16 bits as measured, probed and
typical, the rank correlation (Spearman), and the factors between predictions and measurement.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from app.estimation.quality import Quality, quality_of_level
from tests.benchmarks.perplexity import python_text
from tests.support.checkpoints.checkpoints import smollm2_checkpoint
from tests.support.gguf.probed_levels import probed_levels
from tests.support.machine.verbs import run_verb

_LEVELS = (
    *("Q2_K", "Q3_K_S", "Q3_K_M", "IQ4_XS", "Q4_0", "Q4_K_S", "Q4_K_M"),
    *("Q5_0", "Q5_K_M", "Q6_K", "Q8_0"),
)


def main() -> None:
    """Countermeasure every level and print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("source", nargs="?", type=Path)
    parser.add_argument("--text", type=Path)
    parser.add_argument("--chunks", type=int, default=4)
    parser.add_argument("--level", action="append")
    given = parser.parse_args()
    source = given.source or smollm2_checkpoint()
    began = time.monotonic()
    probed = probed_levels(source).qualities
    print(f"{source.name}: probed in {time.monotonic() - began:.1f} s, with layout and plans")
    levels = given.level or _LEVELS
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        text = given.text or python_text(folder)
        measured = _measured(source, levels, text, given.chunks, folder)
    _print(measured, probed)


def _measured(
    source: Path, levels: Sequence[str], text: Path, chunks: int, folder: Path
) -> dict[str, float]:
    reference = _converted(source, "BF16", folder)
    found = {}
    for level in levels:
        model = _converted(source, level, folder)
        options = ("--text", str(text), "--chunks", str(chunks), "--reference", str(reference))
        ended = run_verb("measure", str(model), *options, "--json")
        assert ended.status == 0, ended.complaints
        found[level] = json.loads(ended.lines[0])["kl_divergence"]["mean"]
        model.unlink()
    return found


def _converted(source: Path, level: str, folder: Path) -> Path:
    target = folder / f"{level}.gguf"
    ended = run_verb("convert", str(source), "--level", level, "--to", str(target))
    assert ended.status == 0, ended.complaints
    return target


def _print(measured: Mapping[str, float], probed: Mapping[str, Quality]) -> None:
    typical = {level: quality for level in measured if (quality := quality_of_level(level))}
    print(f"{'level':<10}{'measured':>10}{'probed':>10}{'factor':>8}{'typical':>10}{'factor':>8}")
    for level, figure in sorted(measured.items(), key=lambda item: -item[1]):
        cells = "".join(
            f"{quality.kl_divergence:>10.4f}{quality.kl_divergence / figure:>8.2f}"
            for quality in (probed[level], typical[level])
        )
        print(f"{level:<10}{figure:>10.4f}{cells}")
    for words, told in (("probed", probed), ("typical", typical)):
        figures = [told[level].kl_divergence for level in measured]
        inside = sum(told[level].low <= measured[level] <= told[level].high for level in measured)
        print(
            f"{words}: rank correlation {_rank_correlation(list(measured.values()), figures):.3f}, "
            f"{inside} of {len(measured)} within the band"
        )


def _rank_correlation(first: Sequence[float], second: Sequence[float]) -> float:
    ranks = [_ranks(np.array(figures)) for figures in (first, second)]
    return float(np.corrcoef(*ranks)[0, 1])


def _ranks(figures: np.ndarray) -> np.ndarray:
    """Return the rank of each figure; equal figures share a rank."""
    return ((figures[:, None] > figures).sum(1) + (figures[:, None] >= figures).sum(1)) / 2


if __name__ == "__main__":
    main()
