"""A megabyte of text without a break in every vocabulary: `… long_runs [BYTES [NAME …]]`.

Run: `python -m tests.benchmarks.long_runs` after `make setup`. Each vocabulary of the converter,
and each pre-tokenizer that recurses, has its own child; none may crash it.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from app.core import paths
from app.inference.tokens.vocabulary import Vocabulary
from app.jobs.outcome import ProcessOutcome
from app.native.library import load_llama
from tests.support.engine.long_runs import KINDS, long_run, tokenize_as_the_engine
from tests.support.engine.tiny_model import write_tiny_model
from tests.support.gguf.gguf_files import pair
from tests.support.gguf.gguf_parts import parts_of, with_byte_pairs

SIZE_BYTES = 10**6
_ONE = "--one"
_PRE_TOKENIZERS = (
    "gpt-4o",
    "deepseek-v3",
    "tekken",
    "llama4",
    "superbpe",
    "kimi-k2",
    "chatglm-bpe",
)


def main() -> None:
    """Print the seconds for each kind of text, one line per vocabulary."""
    arguments = sys.argv[1:]
    if arguments[:1] == [_ONE]:
        _measure(Path(arguments[1]), int(arguments[2]))
        return
    size_bytes = int(arguments[0]) if arguments else SIZE_BYTES
    print(f"{size_bytes} bytes, seconds\n{'':<20}" + "".join(f"{kind:>9}" for kind in KINDS))
    with tempfile.TemporaryDirectory() as name:
        for path in [*_vocabularies(), *_with_pre_tokenizers(Path(name))]:
            label = path.stem.removeprefix("ggml-vocab-")
            if not arguments[1:] or label in arguments[1:]:
                print(f"{label:<20}", end="", flush=True)
                command = [sys.executable, "-m", "tests.benchmarks.long_runs", _ONE]
                child = subprocess.run(
                    [*command, str(path), str(size_bytes)], stderr=subprocess.DEVNULL, check=False
                )
                outcome = ProcessOutcome.from_returncode(child.returncode)
                print("" if outcome.was_successful else f" DIED: {outcome.describe()}")


def _vocabularies() -> list[Path]:
    return sorted(next(paths.converters_folder().iterdir()).glob("models/ggml-vocab-*.gguf"))


def _with_pre_tokenizers(folder: Path) -> list[Path]:
    """A small vocabulary with each of the pre-tokenizers that no file of the converter has."""
    model = with_byte_pairs(parts_of(write_tiny_model(folder / "tiny")))
    files = []
    for name in _PRE_TOKENIZERS:
        entries = model.entries | {"tokenizer.ggml.pre": pair("tokenizer.ggml.pre", name)}
        files.append(folder / f"{name}.gguf")
        files[-1].write_bytes(replace(model, entries=entries).to_bytes())
    return files


def _measure(path: Path, size_bytes: int) -> None:
    llama = load_llama()
    parameters = llama.llama_model_default_params()
    parameters.vocab_only = True
    vocabulary = Vocabulary(llama.llama_model_load_from_file(str(path).encode(), parameters))
    for kind in KINDS:
        began = time.monotonic()
        tokenize_as_the_engine(vocabulary, long_run(kind, size_bytes))
        print(f"{time.monotonic() - began:>9.1f}", end="", flush=True)


if __name__ == "__main__":
    main()
