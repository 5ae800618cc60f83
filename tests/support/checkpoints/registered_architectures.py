"""A small checkpoint of every architecture that llama.cpp's converter registers.

Each is made from a configuration of transformers and saved by the version that the converter pins,
or by ours.
"""

from __future__ import annotations

import copy
import functools
import hashlib
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from app.conversion.converter.architectures import known_architectures
from tests.support.checkpoints import small_configurations, small_tokenizers
from tests.support.checkpoints.checkpoints import cache_folder, keep
from tests.support.checkpoints.small_configurations import small_configuration
from tests.support.checkpoints.small_tokenizers import TokenizerKind, write_tokenizer
from tests.support.checkpoints.transformers_versions import Transformers, environment_with
from tests.support.machine.installed import PERSONS_HOME

_MAX_WEIGHTS = 60_000_000
_KINDS: dict[TokenizerKind, frozenset[str]] = {
    "sentencepiece": frozenset(
        {"llama", "gemma", "minicpm", "ernie", "bitnet", "jamba", "nemotron", "phi"}
    ),
    "WordPiece": frozenset({"bert"}),
    "unigram": frozenset({"t5"}),
}
"""Modules of the converter; all others read byte-pair tokenizers."""
_KIND_OF: dict[str, TokenizerKind] = {
    "Llama4ForCausalLM": "byte pairs",
    "Llama4ForConditionalGeneration": "byte pairs",
    "NemotronHForCausalLM": "byte pairs",
    "PhiForCausalLM": "byte pairs",
    "ModernBertModel": "byte pairs",
    "ModernBertForMaskedLM": "byte pairs",
    "ModernBertForSequenceClassification": "byte pairs",
    "EuroBertModel": "byte pairs",
    "RobertaModel": "byte pairs",
    "RobertaForSequenceClassification": "byte pairs",
    "XLMRobertaModel": "unigram",
    "XLMRobertaForSequenceClassification": "unigram",
}


def registered_checkpoint(architecture: str, saved_by: Transformers) -> Path | None:
    """Return the cached checkpoint of an architecture, if there is one; don't change it."""
    folder = _folder_of(architecture, saved_by)
    return folder if folder.exists() else None


def make_registered(architectures: Iterable[str], saved_by: Transformers) -> str:
    """Make the checkpoints of architectures in one process, once; they are kept.

    Return the errors. Architectures that this version of transformers lacks are skipped.
    """
    wanted = [name for name in architectures if not _folder_of(name, saved_by).exists()]
    made = subprocess.run(
        [
            sys.executable,
            "-m",
            "tests.support.checkpoints.registered_architectures",
            saved_by,
            *wanted,
        ],
        cwd=Path(__file__).parents[3],
        env=environment_with(saved_by),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    return made.stderr


def registered_architectures() -> dict[str, str]:
    """Return the architectures of language models in the converter, with their modules."""
    (version,) = (PERSONS_HOME / "converter").iterdir()
    return known_architectures(version)["text"]


def _folder_of(architecture: str, saved_by: Transformers) -> Path:
    return cache_folder() / f"architectures-{_edition()}" / saved_by / architecture


@functools.cache
def _edition() -> str:
    """Return a key that changes whenever the checkpoints would change."""
    sources = [Path(module.__file__ or "") for module in (small_configurations, small_tokenizers)]
    content = b"".join(source.read_bytes() for source in sources)
    return hashlib.sha256(content).hexdigest()[:12]


def _main() -> None:
    import transformers

    version, *names = sys.argv[1:]
    saved_by: Transformers = "pinned" if version == "pinned" else "own"
    for name in names:
        if not hasattr(transformers, name):
            continue
        folder = _folder_of(name, saved_by)
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as made:
            try:
                _save(getattr(transformers, name), name, Path(made) / name)
            except Exception:  # noqa: BLE001 - configurations refuse values in many ways
                print(f"{name}:\n{traceback.format_exc(limit=-2)}", file=sys.stderr)
            else:
                keep(Path(made) / name, folder)


def _save(model_kind: Any, architecture: str, folder: Path) -> None:
    import torch
    import transformers

    folder.mkdir()
    module = registered_architectures()[architecture]
    by_module = (kind for kind, modules in _KINDS.items() if module in modules)
    kind = _KIND_OF.get(architecture) or next(by_module, "byte pairs")
    vocabulary = write_tokenizer(kind, folder, "4" if transformers.__version__ < "5" else "5")
    configuration = small_configuration(model_kind.config_class, vocabulary)
    _require_small(model_kind, configuration)
    torch.manual_seed(0)
    model = model_kind._from_config(configuration, dtype=torch.bfloat16)
    with torch.no_grad():
        # Some leave experts uninitialized.
        for parameter in model.parameters():
            parameter.normal_(0, 0.02)
    model.save_pretrained(folder)


def _require_small(model_kind: Any, configuration: Any) -> None:
    import torch

    with torch.device("meta"):
        outline = model_kind(copy.deepcopy(configuration))
    sizes = {name: parameter.numel() for name, parameter in outline.named_parameters()}
    if sum(sizes.values()) > _MAX_WEIGHTS:
        largest = sorted(sizes, key=sizes.__getitem__)[-3:]
        raise ValueError(f"{sum(sizes.values()):,} weights, most in {', '.join(largest)}")


if __name__ == "__main__":
    _main()
