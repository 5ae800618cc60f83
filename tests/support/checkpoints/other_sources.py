"""Small sources other than plain checkpoints: adapters, vision models, weights in pickle files."""

from __future__ import annotations

import io
import json
import os
import shutil
import tarfile
import zipfile
from pathlib import Path
from typing import Any

from tests.support.checkpoints.checkpoints import make_tiny_checkpoint

_WIDTH, _RANK = 256, 8
_ADAPTED = {
    "self_attn.q_proj": (_WIDTH, _WIDTH),
    "self_attn.v_proj": (_WIDTH // 2, _WIDTH),
    "mlp.down_proj": (_WIDTH, 2 * _WIDTH),
}


def make_adapter(folder: Path, base: str, *, layers: int = 1, kind: str = "LORA") -> Path:
    """Make a LoRA adapter, as saved by PEFT, of the tiny Llama that `base` names."""
    import torch
    from safetensors.torch import save_file

    generator = torch.Generator().manual_seed(0)
    tensors = {}
    for layer in range(layers):
        for name, (rows, columns) in _ADAPTED.items():
            prefix = f"base_model.model.model.layers.{layer}.{name}"
            tensors |= {
                f"{prefix}.lora_A.weight": torch.randn(_RANK, columns, generator=generator),
                f"{prefix}.lora_B.weight": torch.randn(rows, _RANK, generator=generator),
            }
    folder.mkdir(parents=True)
    save_file(tensors, folder / "adapter_model.safetensors", metadata={"format": "pt"})
    config = {
        "peft_type": kind,
        "r": _RANK,
        "lora_alpha": 2 * _RANK,
        "base_model_name_or_path": base,
        "target_modules": [name.rpartition(".")[2] for name in _ADAPTED],
    }
    (folder / "adapter_config.json").write_text(json.dumps(config))
    return folder


def make_seeing_gemma(folder: Path) -> Path:
    """Make a Gemma 3 with a vision tower, as transformers saves it now."""
    import torch
    import transformers

    folder.mkdir(parents=True)
    llama = make_tiny_checkpoint(folder / "llama")
    for name in ("tokenizer.model", "tokenizer_config.json"):
        shutil.move(llama / name, folder)
    shutil.rmtree(llama)
    config = transformers.Gemma3Config(
        text_config={
            "hidden_size": _WIDTH,
            "intermediate_size": 2 * _WIDTH,
            "num_hidden_layers": 1,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "head_dim": 64,
            "vocab_size": 512,
            "query_pre_attn_scalar": 64,
        },
        vision_config={
            "hidden_size": 128,
            "intermediate_size": 256,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "image_size": 56,
            "patch_size": 14,
        },
        mm_tokens_per_image=4,
        image_token_index=300,
        boi_token_index=301,
        eoi_token_index=302,
    )
    torch.manual_seed(0)
    model = transformers.AutoModelForImageTextToText.from_config(config, dtype=torch.bfloat16)
    model.save_pretrained(folder)
    half = [0.5] * 3
    preprocessor = {"image_mean": half, "image_std": half, "image_seq_length": 4}
    (folder / "preprocessor_config.json").write_text(json.dumps(preprocessor))
    return folder


def with_published_names(checkpoint: Path, folder: Path) -> Path:
    """Copy a vision Gemma, with the tensor names of the vision tower as published."""
    from safetensors.torch import load_file, save_file

    copy = folder / checkpoint.name
    shutil.copytree(checkpoint, copy)
    tensors = load_file(copy / "model.safetensors")
    renamed = {
        name.replace("vision_tower.", "vision_tower.vision_model."): tensor
        for name, tensor in tensors.items()
    }
    save_file(renamed, copy / "model.safetensors", metadata={"format": "pt"})
    return copy


def without_gradients(folder: Path) -> Path:
    """Make a checkpoint one that transformers doesn't know; the converter still does."""
    config = folder / "config.json"
    # The converter goes by the architecture's class, transformers by the type.
    values = json.loads(config.read_text(encoding="utf-8")) | {"model_type": "of_its_own_code"}
    config.write_text(json.dumps(values), encoding="utf-8")
    return folder


def make_pickled(folder: Path, *, shards: int = 1) -> Path:
    """Make a tiny Llama with weights only in pickle files."""
    import torch

    tensors = _take_tensors(folder)
    if shards == 1:
        torch.save(tensors, folder / "pytorch_model.bin")
        return folder
    names = list(tensors)
    weight_map = {}
    for number in range(shards):
        file = f"pytorch_model-{number + 1:05}-of-{shards:05}.bin"
        chosen = names[number::shards]
        torch.save({name: tensors[name] for name in chosen}, folder / file)
        weight_map |= dict.fromkeys(chosen, file)
    index = {"metadata": {"total_size": 0}, "weight_map": weight_map}
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps(index))
    return folder


def _take_tensors(folder: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    make_tiny_checkpoint(folder)
    tensors: dict[str, Any] = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    return tensors


class _Bait:
    """An object that runs a command when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self._marker = marker

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.system, (f"touch {self._marker}",)


def _saved(content: object, *, is_zip: bool) -> bytes:
    import torch

    buffer = io.BytesIO()
    torch.save(content, buffer, _use_new_zipfile_serialization=is_zip)
    return buffer.getvalue()


def _zip_of(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/").replace("_dot_", "."), content)
    return buffer.getvalue()


def _tar_of(name: str, content: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


BAITED_PICKLES = (
    "zip",
    "old",
    "bare",
    "tar",
    "nested zip",
    "zip in zip",
    "7z",
    "empty",
    "among weights",
)


def make_baited_pickle(kind: str, folder: Path, marker: Path) -> Path:
    """Make a tiny Llama whose weight file runs code in a careless reader."""
    import pickle

    tensors = _take_tensors(folder)
    bait = _Bait(marker)
    bare = pickle.dumps(bait)
    whole = _saved({"model.norm.weight": bait}, is_zip=True)
    contents = {
        "zip": whole,
        "old": _saved({"model.norm.weight": bait}, is_zip=False),
        "bare": bare,
        "tar": _tar_of("pickle", bare),
        "nested zip": _zip_of(archive__data_dot_pkl=bare, archive__version=b"3\n"),
        "zip in zip": _zip_of(archive__data_dot_pkl=whole, archive__version=b"3\n"),
        "7z": b"7z\xbc\xaf\x27\x1c" + bare,
        "empty": b"",
        "among weights": _saved({**tensors, "bait": bait}, is_zip=True),
    }
    (folder / "pytorch_model.bin").write_bytes(contents[kind])
    return folder
