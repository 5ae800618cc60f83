"""Passages: pieces of text or of chat of 1 to 2 KB, told apart by their hashes.

A model must not be measured on the text that it was calibrated with, so passages are divided into
two parts that share none: one to calibrate, one held out to measure.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

PassageKind = Literal["prose", "law", "code", "mathematics", "chat", "own"]
"""The folders of the built-in mix; `own` are the user's files."""
MOST_BYTES = 2_048
"""The size of a passage of text; chats are whole."""
_HELD_OUT_SHARE = 0.3
_PARAGRAPH_END = re.compile(r"\n(?:[^\S\n]*\n)+")
_SENTENCE_END = re.compile(r"(?<=[.!?…。！？।؟])\s*|\n")


@dataclass(frozen=True)
class ChatTurn:
    """A turn of a chat; `role` is OpenAI's: system, user or assistant."""

    role: str
    content: str


@dataclass(frozen=True)
class Passage:
    """A piece of text, or a whole chat in `messages` with an empty `text`.

    `language` is a code of ISO 639-1, or the name of a programming language in lower case.
    """

    kind: PassageKind
    language: str
    text: str = ""
    messages: tuple[ChatTurn, ...] = ()

    @functools.cached_property
    def digest(self) -> str:
        """The SHA-256 of the words; passages that differ only in white space have the same."""
        turns = (f"{turn.role}: {turn.content}" for turn in self.messages)
        words = " ".join((self.text, *turns)).split()
        return hashlib.sha256(" ".join(words).encode("utf-8", "replace")).hexdigest()


@dataclass(frozen=True)
class Parts:
    """Passages to calibrate with, and others to measure with."""

    calibration: tuple[Passage, ...]
    held_out: tuple[Passage, ...]


def text_passages(text: str, kind: PassageKind, language: str) -> Iterator[Passage]:
    """Divide a text into groups of paragraphs of 1 to 2 KB, where its paragraphs allow that.

    Longer paragraphs are divided at lines and sentences, and endless ones anywhere. The passages
    hold all words of the text, in its order.
    """
    paragraphs = (part.strip("\n").rstrip() for part in _PARAGRAPH_END.split(text))
    pieces = (piece for part in paragraphs if part for piece in _within_limit(part))
    for group in _grouped(pieces, "\n\n"):
        yield Passage(kind, language, group)


def divided(passages: Iterable[Passage]) -> Parts:
    """Divide passages into about 70 % to calibrate and 30 % held out.

    The same passages are always divided alike. Both parts have every kind and language of which
    there are two passages. Each is mixed: any beginning of it has many kinds and languages.
    """
    groups: dict[tuple[str, str], dict[str, Passage]] = defaultdict(dict)
    for passage in passages:
        groups[passage.kind, passage.language][passage.digest] = passage
    calibration, held_out = [], []
    for group in groups.values():
        # The order of the hashes is as good as chance, and the same everywhere.
        shuffled = [group[digest] for digest in sorted(group)]
        count = max(1, round(_HELD_OUT_SHARE * len(shuffled))) if len(shuffled) > 1 else 0
        held_out.append(shuffled[:count])
        calibration.append(shuffled[count:])
    first = tuple(_mixed(calibration))
    return Parts(first, without_overlap(tuple(_mixed(held_out)), first))


def overlap(one: Iterable[Passage], other: Iterable[Passage]) -> frozenset[str]:
    """Return the hashes of the passages that are in both."""
    return frozenset(passage.digest for passage in one) & {passage.digest for passage in other}


def without_overlap(
    held_out: Iterable[Passage], calibration: Iterable[Passage]
) -> tuple[Passage, ...]:
    """Return the held-out passages that the text for calibration doesn't have."""
    known = {passage.digest for passage in calibration}
    return tuple(passage for passage in held_out if passage.digest not in known)


def _mixed(groups: Sequence[Sequence[Passage]]) -> Iterator[Passage]:
    """Yield the passages so that all groups are spread evenly from the beginning to the end."""
    placed = (
        ((place + 0.5) / len(group), number, passage)
        for number, group in enumerate(groups)
        for place, passage in enumerate(group)
    )
    yield from (passage for _, _, passage in sorted(placed, key=lambda each: each[:2]))


def _within_limit(paragraph: str) -> Iterator[str]:
    """Yield a paragraph, divided if it is too large."""
    if _size(paragraph) <= MOST_BYTES:
        yield paragraph
        return
    for group in _grouped(_sentences(paragraph), ""):
        if words := group.strip("\n").rstrip():
            yield words


def _sentences(paragraph: str) -> Iterator[str]:
    ends = [found.end() for found in _SENTENCE_END.finditer(paragraph)]
    for start, end in itertools.pairwise([0, *ends, len(paragraph)]):
        # Four bytes are the most that a character takes.
        for place in range(start, end, MOST_BYTES // 4):
            yield paragraph[place : min(end, place + MOST_BYTES // 4)]


def _grouped(pieces: Iterable[str], joint: str) -> Iterator[str]:
    """Join pieces as long as they fit into a passage."""
    group = ""
    for piece in pieces:
        joined = f"{group}{joint}{piece}" if group else piece
        if group and _size(joined) > MOST_BYTES:
            yield group
            joined = piece
        group = joined
    if group:
        yield group


def _size(text: str) -> int:
    return len(text.encode("utf-8", "replace"))
