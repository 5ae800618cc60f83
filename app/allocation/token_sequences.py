"""Tokens of a text in sequences, by the vocabulary of a hollow file."""

from __future__ import annotations

import random

from app.conversion.loadability import hollow_model
from app.conversion.type_plan import HollowFile
from app.gguf_file.model import read_model
from app.inference.tokens.vocabulary import Vocabulary
from app.measurement.text_chunks import DEFAULT_CHUNK_TOKENS, text_chunks
from app.measurement.texts.rendered_text import TextFor


def token_sequences(
    hollow: HollowFile, text_for: TextFor, count: int, fewest: int
) -> list[list[int]]:
    """Return up to `count` sequences of 512 tokens from all over the text, always the same ones.

    Their order is random, so that any of them stand for all.

    Raises:
        AppError: `text_short` if there are fewer than `fewest`.
    """
    text = text_for(read_model(hollow.path))
    with hollow_model(hollow.path) as model:
        chunks = text_chunks(Vocabulary(model), text, DEFAULT_CHUNK_TOKENS, fewest)
    return random.Random(count).sample(chunks, min(count, len(chunks)))  # noqa: S311 - no secret
