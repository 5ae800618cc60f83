"""Tokens of a text in sequences, by the vocabulary of a hollow file."""

from __future__ import annotations

from app.conversion.loadability import hollow_model
from app.conversion.type_plan import HollowFile
from app.inference.tokens.vocabulary import Vocabulary
from app.measurement.text_chunks import DEFAULT_CHUNK_TOKENS, text_chunks


def token_sequences(hollow: HollowFile, text: str, count: int) -> list[list[int]]:
    """Return up to `count` sequences of 512 tokens, spread evenly over the text.

    Raises:
        AppError: `text_short` if there are fewer than two.
    """
    with hollow_model(hollow.path) as model:
        chunks = text_chunks(Vocabulary(model), text, DEFAULT_CHUNK_TOKENS)
    if len(chunks) <= count:
        return chunks
    return [chunks[number * len(chunks) // count] for number in range(count)]
