"""Long unbroken texts of one kind of letter, tokenized as by the engine."""

from __future__ import annotations

import base64
import random
import threading
from concurrent.futures import ThreadPoolExecutor

from app.inference.session.engine_thread import STACK_BYTES
from app.inference.tokens.vocabulary import Vocabulary

_LETTERS = {
    "a": "a",
    "Z": "Z",
    "dot": ".",
    "space": " ",
    "newline": "\n",
    "CJK": "磨",
    "emoji": "🌾",
    "digit": "7",
    "mixed": "aZ.7磨🌾é_-",
}
KINDS = (*_LETTERS, "base64")


def long_run(kind: str, size_bytes: int) -> str:
    """Return text of one kind of about `size_bytes` in UTF-8; it is the same each time."""
    chance = random.Random(kind)
    if kind == "base64":
        return base64.b64encode(chance.randbytes(size_bytes * 3 // 4)).decode()
    letters = _LETTERS[kind]
    count = size_bytes * len(letters) // len(letters.encode())
    return letters * count if len(letters) == 1 else "".join(chance.choices(letters, k=count))


def tokenize_as_the_engine(vocabulary: Vocabulary, text: str) -> list[int]:
    """Return the tokens of a prompt, tokenized on a thread with the engine's stack size."""
    usual = threading.stack_size(STACK_BYTES)
    try:
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(vocabulary.tokenize_prompt, text).result()
    finally:
        threading.stack_size(usual)
