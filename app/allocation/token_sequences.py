"""Tokens of a text in sequences, by the vocabulary of a hollow file."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from app.conversion.loadability import hollow_model
from app.conversion.type_plan import HollowFile
from app.gguf_file.model import read_model
from app.inference.tokens.vocabulary import Vocabulary
from app.measurement.text_chunks import DEFAULT_CHUNK_TOKENS, text_chunks
from app.measurement.texts.rendered_text import TextFor

_RUN = 128
"""Tokens in a row that two sequences share only if one repeats the other."""


def token_sequences(
    hollow: HollowFile, text_for: TextFor, count: int, fewest: int
) -> list[list[int]]:
    """Return up to `count` sequences of 512 tokens from all over the text, always the same ones.

    Their order is random, so that any of them stand for all. The first don't depend on `count`.

    Raises:
        AppError: `text_short` if there are fewer than `fewest`.
    """
    text = text_for(read_model(hollow.path))
    with hollow_model(hollow.path) as model:
        chunks = text_chunks(Vocabulary(model), text, DEFAULT_CHUNK_TOKENS, fewest)
    shuffled = list(chunks)
    random.Random(0).shuffle(shuffled)  # noqa: S311 - no secret
    return shuffled[:count]


def without_repeats(sequences: list[list[int]], known: list[list[int]]) -> list[list[int]]:
    """Return the sequences that share no run of tokens with the known ones, but for short runs.

    A run of 255 tokens is noticed wherever it begins; one of less than 128 never is.
    """
    runs = {run for one in known for start in range(1, len(one)) for run in _run(one, start)}
    return [
        one
        for one in sequences
        if not any(run in runs for start in range(1, len(one), _RUN) for run in _run(one, start))
    ]


def _run(tokens: Sequence[int], start: int) -> Iterator[tuple[int, ...]]:
    """Yield the run from `start` on, unless the sequence ends within it."""
    if start + _RUN <= len(tokens):
        yield tuple(tokens[start : start + _RUN])
