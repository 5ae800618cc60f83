"""Split a long text into chunks of tokens, each read from its beginning.

Follows llama-imatrix and llama-perplexity (tools/imatrix/imatrix.cpp and
tools/perplexity/perplexity.cpp), which split alike.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from app.core.errors import AppError, ErrorCode
from app.inference.session.engine_thread import STACK_BYTES
from app.inference.tokens.vocabulary import Vocabulary
from app.measurement.texts.rendered_text import RenderedText

DEFAULT_CHUNK_TOKENS = 512
_FEWEST_CHUNKS = 2


def text_chunks(
    vocabulary: Vocabulary, text: RenderedText, chunk_tokens: int, fewest: int = _FEWEST_CHUNKS
) -> list[list[int]]:
    """Return the text in chunks of `chunk_tokens`, each with a BOS token; the rest is left out.

    Raises:
        AppError: `text_short` if there are fewer than `fewest`.
    """
    begin = vocabulary.bos_token()
    tokens = _tokenize(vocabulary, text)
    count, needed = len(tokens) // chunk_tokens, fewest * chunk_tokens
    if count < fewest:
        raise AppError(ErrorCode.TEXT_SHORT, tokens=len(tokens), needed=needed)
    starts = range(0, count * chunk_tokens, chunk_tokens)
    if begin is not None:
        for start in starts:
            tokens[start] = begin
    return [tokens[start : start + chunk_tokens] for start in starts]


def _tokenize(vocabulary: Vocabulary, text: RenderedText) -> list[int]:
    usual = threading.stack_size(STACK_BYTES)
    try:
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(text.tokens, vocabulary).result()
    finally:
        threading.stack_size(usual)
