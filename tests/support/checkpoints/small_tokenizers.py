"""Minimal tokenizers of every kind that llama.cpp's converter reads."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from app.gguf_file.header_reader import read_header, read_strings
from tests.support.checkpoints.checkpoints import SENTENCES, smollm2_checkpoint, write_sentencepiece
from tests.support.checkpoints.vocabularies import vocabulary_file
from tests.support.machine.installed import PERSONS_HOME

TokenizerKind = Literal["byte pairs", "sentencepiece", "WordPiece", "unigram"]
Saved = Literal["4", "5"]
"""The version of transformers that a tokenizer is saved for."""

_SENTENCEPIECE = 512
_UNIGRAM = 320
_NEW_TOKENS = ("<unk>", "[gMASK]", "<|user|>", "<|observation|>", "<|startoftext|>")
"""Tokens, some of which the converter looks up by name."""
_BYTE_PAIRS = 49_160
_WORDPIECE = 30_522


def write_tokenizer(kind: TokenizerKind, folder: Path, saved: Saved) -> int:
    """Write the files of a tokenizer, and return the size of its vocabulary."""
    return _WRITERS[kind](folder, saved)


def _write_byte_pairs(folder: Path, saved: Saved) -> int:
    source = smollm2_checkpoint()
    config = json.loads((source / "tokenizer_config.json").read_text("utf-8"))
    tokenizer = json.loads((source / "tokenizer.json").read_text("utf-8"))
    first = len(tokenizer["model"]["vocab"])
    template = {**tokenizer["added_tokens"][0], "special": True}
    tokenizer["added_tokens"] += [
        {**template, "id": first + place, "content": text} for place, text in enumerate(_NEW_TOKENS)
    ]
    if saved == "4":
        config = {name: config[name] for name in ("bos_token", "eos_token", "unk_token")}
        config["tokenizer_class"] = "PreTrainedTokenizerFast"
    _write_json(folder / "tokenizer.json", tokenizer)
    _write_json(folder / "tokenizer_config.json", config)
    return _BYTE_PAIRS


def _write_sentencepiece(folder: Path, saved: Saved) -> int:
    write_sentencepiece(folder)
    return _SENTENCEPIECE


def _write_unigram(folder: Path, saved: Saved) -> int:
    import sentencepiece

    trained = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(SENTENCES * 4),
        model_writer=trained,
        model_type="unigram",
        vocab_size=_UNIGRAM,
        hard_vocab_limit=False,
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        num_threads=1,
        minloglevel=2,
    )
    for name in ("spiece.model", "sentencepiece.bpe.model"):
        (folder / name).write_bytes(trained.getvalue())
    _write_json(
        folder / "tokenizer_config.json",
        {"tokenizer_class": "T5Tokenizer", "eos_token": "</s>", "pad_token": "<pad>"},
    )
    return _UNIGRAM


def _write_wordpiece(folder: Path, saved: Saved) -> int:
    """Return BERT's words from the converter's own vocabulary file."""
    header = read_header(vocabulary_file(PERSONS_HOME / "converter", "bert-bge"))
    texts = [text.decode() for text in read_strings(header, "tokenizer.ggml.tokens")]
    (folder / "vocab.txt").write_text("\n".join(map(_as_written, texts)) + "\n", "utf-8")
    config = {"tokenizer_class": "BertTokenizer", "do_lower_case": True}
    names = ("unk", "sep", "pad", "cls", "mask")
    config |= {f"{name}_token": f"[{name.upper()}]" for name in names}
    _write_json(folder / "tokenizer_config.json", config)
    return _WORDPIECE


def _as_written(text: str) -> str:
    if text.startswith("[") and text.endswith("]") and len(text) > 2:
        return text
    return text.removeprefix("▁") if text.startswith("▁") else f"##{text}"


def _write_json(file: Path, value: dict[str, Any]) -> None:
    file.write_text(json.dumps(value), "utf-8")


_WRITERS: dict[TokenizerKind, Callable[[Path, Saved], int]] = {
    "byte pairs": _write_byte_pairs,
    "sentencepiece": _write_sentencepiece,
    "WordPiece": _write_wordpiece,
    "unigram": _write_unigram,
}
