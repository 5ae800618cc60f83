"""Make hidden characters of code visible and break endless lines, without Qt."""

from __future__ import annotations

import bisect
import unicodedata
from dataclasses import dataclass

LONGEST_LINE = 4_000

_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})
# Letters and marks without any visible glyph.
_BLANK_LETTERS = frozenset("\u115f\u1160\u2800\u3164\uffa0\u034f\u17b4\u17b5")


@dataclass(frozen=True)
class VisibleText:
    """A text to show, and its relation to the exact one.

    Attributes:
        shown: the text that is drawn.
        marks: pairs of position in `shown` and length of the marks for hidden characters.
        exact_text: the original.
    """

    shown: str
    marks: tuple[tuple[int, int], ...]
    _shown_places: tuple[int, ...]
    _exact_places: tuple[int, ...]
    exact_text: str

    def exact(self, begin: int, end: int) -> str:
        """Return the exact text of `shown[begin:end]`."""
        return self.exact_text[self._exact_place(begin) : self._exact_place(end)]

    def _exact_place(self, place: int) -> int:
        index = bisect.bisect_right(self._shown_places, place) - 1
        ahead = place - self._shown_places[index]
        limit = len(self.exact_text)
        if index + 1 < len(self._exact_places):
            limit = self._exact_places[index + 1]
        return min(self._exact_places[index] + ahead, limit)


def is_hidden(character: str) -> bool:
    """Return whether an invisible character changes how code reads."""
    if character in "\n\t":
        return False
    return character in _BLANK_LETTERS or unicodedata.category(character) in _HIDDEN_CATEGORIES


def make_visible(exact: str) -> VisibleText:
    """Replace bidirectional, zero-width and control characters with marks such as `[U+202E]`."""
    pieces: list[str] = []
    marks: list[tuple[int, int]] = []
    shown_places, exact_places = [0], [0]
    place = column = 0

    def put(text: str, exact_from: int, exact_to: int) -> None:
        nonlocal place
        pieces.append(text)
        shown_places.extend((place, place + len(text)))
        exact_places.extend((exact_from, exact_to))
        place += len(text)

    for index, character in enumerate(exact):
        if character == "\n":
            column = 0
        elif column >= LONGEST_LINE:
            put("\n", index, index)
            column = 0
        if is_hidden(character):
            mark = f"[U+{ord(character):04X}]"
            marks.append((place, len(mark)))
            put(mark, index, index + 1)
            column += len(mark)
            continue
        pieces.append(character)
        place += 1
        column += 1
    shown = "".join(pieces)
    return VisibleText(shown, tuple(marks), tuple(shown_places), tuple(exact_places), exact)


def break_long_lines(text: str) -> str:
    """Break lines that are too long to be laid out in time."""
    return "\n".join(
        line[begin : begin + LONGEST_LINE]
        for line in text.split("\n")
        for begin in range(0, max(1, len(line)), LONGEST_LINE)
    )
