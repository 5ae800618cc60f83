"""Sequences that repeat what others say."""

from __future__ import annotations

import random

from app.allocation.token_sequences import without_repeats

BEGIN = 0


def sequence(tokens: list[int]) -> list[int]:
    """Return tokens as a sequence with its BOS token in the place of the first."""
    return [BEGIN, *tokens[1:]]


def text(length: int, seed: int) -> list[int]:
    """Return random tokens."""
    chance = random.Random(seed)
    return [chance.randrange(1, 1000) for _ in range(length)]


def test_other_text_stays_even_with_a_long_phrase_in_common() -> None:
    known, other = text(512, 0), text(512, 1)
    other[200:320] = known[40:160]
    assert without_repeats([sequence(other)], [sequence(known)]) == [sequence(other)]


def test_one_sentence_again_and_again_repeats_itself_wherever_it_begins() -> None:
    many = text(37, 2) * 100
    known, *others = (sequence(many[start : start + 512]) for start in range(0, 3000, 512))
    assert without_repeats(others, [known]) == []


def test_half_of_a_sequence_is_noticed_at_any_place() -> None:
    known = text(512, 3)
    for place in range(1, 258):
        other = text(512, 4)
        other[place : place + 255] = known[101:356]
        assert without_repeats([sequence(other)], [sequence(known)]) == []
