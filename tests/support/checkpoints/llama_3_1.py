"""Llama-3.1-8B as on the Hub: its tokenizer, real headers in four shards, and holes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from app.gguf_file.header_reader import read_array, read_header, read_strings
from tests.support.checkpoints.hollow_checkpoints import (
    HOLLOW_MODELS,
    HollowModel,
    tensor_shapes,
    write_shards,
)
from tests.support.checkpoints.vocabularies import vocabulary_file

LLAMA_3_1_8B = HollowModel(
    config=HOLLOW_MODELS["meta-llama-3.1-70b-instruct"].config
    | {
        "hidden_size": 4096,
        "intermediate_size": 14336,
        "num_attention_heads": 32,
        "num_hidden_layers": 32,
    },
    parameters=8_030_261_248,
    shards=4,
    has_head=True,
    defaults={"head_dim": 128},
)
_CONTROL = 3
_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def make_llama_3_1_8b(folder: Path, converter: Path) -> Path:
    """Write the checkpoint, in which everything but the weights is real."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(LLAMA_3_1_8B.config, indent=2))
    _write_tokenizer(vocabulary_file(converter, "llama-bpe"), folder)
    write_shards(tensor_shapes(LLAMA_3_1_8B), LLAMA_3_1_8B.shards, folder)
    return folder


def _write_tokenizer(vocabulary: Path, folder: Path) -> None:
    header = read_header(vocabulary)
    texts = [text.decode() for text in read_strings(header, "tokenizer.ggml.tokens")]
    kinds = read_array(header, "tokenizer.ggml.token_type")
    numbers = {text: number for number, text in enumerate(texts)}
    special = [text for text, kind in zip(texts, kinds, strict=True) if kind == _CONTROL]
    merges = [text.decode() for text in read_strings(header, "tokenizer.ggml.merges")]
    words = {"type": "Split", "pattern": {"Regex": _WORDS}, "behavior": "Isolated"}
    letters = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
    tokenizer = {
        "version": "1.0",
        "added_tokens": [{"id": numbers[text], **_special(text)} for text in special],
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [words | {"invert": False}, letters | {"use_regex": False}],
        },
        "decoder": letters | {"use_regex": True},
        "model": {
            "type": "BPE",
            "ignore_merges": True,
            "vocab": {text: number for text, number in numbers.items() if text not in special},
            "merges": merges,
        },
    }
    configuration = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": "<|begin_of_text|>",
        "eos_token": "<|eot_id|>",
        "added_tokens_decoder": {str(numbers[text]): _special(text) for text in special},
    }
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer, indent=2, ensure_ascii=False))
    (folder / "tokenizer_config.json").write_text(json.dumps(configuration, indent=2))


def _special(text: str) -> dict[str, Any]:
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    return {"content": text, **flags, "special": True}
