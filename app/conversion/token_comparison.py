"""Compare a vocabulary in llama.cpp with the tokenizer.json that it was made from."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from app.core.errors import NoticeCode
from app.core.events import NoticeReported
from app.native.library import load_llama

_TEXTS = (
    "Hello, World! It's 3 o'clock, and we'll see.",
    "two  spaces,   three\tand a tab\n\n\nnew lines\n end ",
    "1 12 123 1234 12345 3.14159 2026",
    "def f(x):\n    return x ** 2  # a comment",
    "naïve café Straße œuvre",
    "Привет, мир",
    "你好，世界。こんにちは",
    "مرحبا بالعالم",
    "नमस्ते दुनिया",
    "안녕하세요 세계",
    "😀 🎉 👩‍👧",
    "https://example.org/a?b=c&d=e",
)
_BUDGET_SECONDS = 3.0
_LONGEST_TOKEN = 200
_MAX_SHOWN = 8


def token_difference(vocabulary: Any, tokenizer_file: Path) -> NoticeReported | None:
    """Return a difference between llama.cpp's tokens and those of `tokenizer_file`, if found.

    Every added token and some texts are tried, for three seconds at most.
    """
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(tokenizer_file))
    except Exception:
        # The library raises nothing narrower; the converter has its own way to read the file.
        logging.getLogger(__name__).exception("the tokenizer is not compared")
        return None
    tokenizer.no_truncation()
    tokenizer.no_padding()
    end = time.monotonic() + _BUDGET_SECONDS
    for text in (*_added_tokens(tokenizer, vocabulary), *_texts_for(vocabulary)):
        if time.monotonic() > end:
            break
        expected = _encoded(tokenizer, text)
        found = _tokens_of(vocabulary, text)
        if found != expected and not _differ_by_space(vocabulary, tokenizer, text):
            details = {"text": text, "expected": _shown(expected), "found": _shown(found)}
            return NoticeReported(NoticeCode.TOKENS_DIFFER, {**details})
    return None


def _differ_by_space(vocabulary: Any, tokenizer: Any, text: str) -> bool:
    """Return whether only one side puts a space before a text, as some sentencepiece models do."""
    spaced = f" {text}"
    pairs = ((text, spaced), (spaced, text))
    return any(_encoded(tokenizer, a) == _tokens_of(vocabulary, b) for a, b in pairs)


def _encoded(tokenizer: Any, text: str) -> list[int]:
    tokens: list[int] = tokenizer.encode(text, add_special_tokens=False).ids
    return tokens


def _texts_for(vocabulary: Any) -> tuple[str, ...]:
    # llama.cpp's WordPiece takes the vowel signs of some scripts for accents, and drops them.
    is_wordpiece = load_llama().llama_vocab_type(vocabulary) == load_llama().LLAMA_VOCAB_TYPE_WPM
    return tuple(text for text in _TEXTS if text.isascii() or not is_wordpiece)


def _added_tokens(tokenizer: Any, vocabulary: Any) -> Iterator[str]:
    """Yield the texts of added tokens, except those that the converter marks as unused."""
    llama = load_llama()
    count = llama.llama_vocab_n_tokens(vocabulary)
    for number, token in tokenizer.get_added_tokens_decoder().items():
        text: str = token.content
        # One outside of the model's embeddings can't be used.
        if number >= count or len(text) > _LONGEST_TOKEN:
            continue
        is_unused = llama.llama_vocab_get_attr(vocabulary, number) & llama.LLAMA_TOKEN_ATTR_UNUSED
        if not (is_unused and llama.llama_vocab_get_text(vocabulary, number) == text.encode()):
            yield text


def _tokens_of(vocabulary: Any, text: str) -> list[int]:
    llama = load_llama()
    content = text.encode()
    tokens = (llama.llama_token * (2 * len(content) + 16))()
    count = llama.llama_tokenize(
        vocabulary, content, len(content), tokens, len(tokens), False, True
    )
    return list(tokens[: max(0, count)])


def _shown(tokens: Iterable[int]) -> str:
    shown = [str(token) for token in tokens]
    more = ", …" if len(shown) > _MAX_SHOWN else ""
    return f"[{', '.join(shown[:_MAX_SHOWN])}{more}]"
