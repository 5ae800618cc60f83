"""Tokens of a text in sequences, by the vocabulary of a hollow file."""

from __future__ import annotations

from app.conversion.loadability import hollow_model
from app.conversion.type_plan import HollowFile
from app.gguf_file.model import read_model
from app.inference.tokens.vocabulary import Vocabulary
from app.measurement.text_chunks import DEFAULT_CHUNK_TOKENS, text_chunks
from app.measurement.texts.rendered_text import TextFor


def token_sequences(hollow: HollowFile, text_for: TextFor, count: int) -> list[list[int]]:
    """Return up to `count` sequences of 512 tokens, spread evenly over the text.

    Raises:
        AppError: `text_short` if there are fewer than two.
    """
    text = text_for(read_model(hollow.path))
    with hollow_model(hollow.path) as model:
        chunks = text_chunks(Vocabulary(model), text, DEFAULT_CHUNK_TOKENS)
    if len(chunks) <= count:
        return chunks
    return [chunks[number * len(chunks) // count] for number in range(count)]
