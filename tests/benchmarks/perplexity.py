"""Perplexities of `gristmill measure` compared with llama-perplexity's, on the same libraries.

Run: `python -m tests.benchmarks.perplexity [MODEL [REFERENCE]] [--text FILE]`; needs CMake and a
C++ compiler, and the first run takes some minutes to build. Perplexities must differ by less than
0.1 %. By default, the models are the starter's weights in 16 bits and at three levels made from
them, and the text is Python's documentation. llama-perplexity stores the reference's probabilities
in 16-bit steps, so divergences may differ by as much.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from pydoc_data.topics import topics

from tests.support.checkpoints.checkpoints import smollm2_gguf
from tests.support.engine.llama_cpp_programs import perplexity_by_llama_cpp
from tests.support.engine.llama_cpp_tools import quantized_by_llama_cpp
from tests.support.machine.verbs import run_verb

_LEVELS = ("Q8_0", "Q4_K_M", "Q2_K")
_TEXT_BYTES = 20_000
_MAX_DIFFERENCE = 0.001


def main() -> None:
    """Print a table; fail if perplexities differ."""
    parser = argparse.ArgumentParser()
    parser.add_argument("model", nargs="?", type=Path)
    parser.add_argument("reference", nargs="?", type=Path)
    parser.add_argument("--text", type=Path)
    given = parser.parse_args()
    print(f"{'':<44}{'llama.cpp':>12}{'ours':>12}{'difference':>12}")
    with tempfile.TemporaryDirectory() as name:
        text = given.text or python_text(Path(name))
        if given.model:
            _compare(given.model, given.reference, text)
            return
        reference = _quantized(smollm2_gguf(), "F16", Path(name))
        for model in (_quantized(reference, level, Path(name)) for level in _LEVELS):
            _compare(model, reference, text)


def _compare(model: Path, reference: Path | None, text: Path) -> None:
    theirs = perplexity_by_llama_cpp(model, reference, text)
    ours = dict(_ours(model, reference, text))
    for figure, expected in theirs.items():
        difference = ours[figure] / expected - 1
        print(
            f"{model.stem:<20}{figure:<24}{expected:>12.6f}{ours[figure]:>12.6f}{difference:>12.3%}"
        )
        assert figure != "perplexity" or abs(difference) < _MAX_DIFFERENCE


def _ours(model: Path, reference: Path | None, text: Path) -> Iterator[tuple[str, float]]:
    compared = ("--reference", str(reference)) if reference else ()
    ended = run_verb("measure", str(model), "--text", str(text), "--json", *compared)
    assert ended.status == 0, ended.complaints
    figures = json.loads(ended.lines[0])
    yield from figures.pop("kl_divergence", {}).items()
    yield from figures.items()


def python_text(folder: Path) -> Path:
    """Write the beginning of Python's language reference, as shown by `help()`."""
    file = folder / "text.txt"
    file.write_bytes("\n".join(topics[name] for name in sorted(topics)).encode()[:_TEXT_BYTES])
    return file


def _quantized(source: Path, level: str, folder: Path) -> Path:
    file = folder / f"{level}.gguf"
    copy = Path(shutil.copy(source, folder / "source.gguf"))
    file.write_bytes(quantized_by_llama_cpp(copy, level, allow_requantize=True))
    return file


if __name__ == "__main__":
    main()
