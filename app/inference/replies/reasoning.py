"""Separate the thoughts of reasoning models from the content, as replies stream.

Most put their thoughts between two marks at the start of the reply; many templates write the first
mark themselves. The marks are those of the templates in llama.cpp's models/templates.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from app.inference.tokens.detokenizer import possible_beginning


@dataclass(frozen=True)
class ReplyPart:
    """A piece of a reply: thoughts or content."""

    kind: Literal["reasoning", "content"]
    text: str


@dataclass(frozen=True)
class Marks:
    """The marks before and after a model's thoughts."""

    begin: str
    end: str


USUAL_MARKS = Marks("<think>", "</think>")
_MARKS = (
    USUAL_MARKS,
    Marks("<seed:think>", "</seed:think>"),
    Marks("<mm:think>", "</mm:think>"),
    Marks("[THINK]", "[/THINK]"),
    Marks("<|START_THINKING|>", "<|END_THINKING|>"),
    Marks("<|inner_prefix|>", "<|inner_suffix|>"),
    Marks("<|channel>thought", "<channel|>"),
    Marks("Here are my reasoning steps:", "[BEGIN FINAL RESPONSE]"),
)


def marks_of(template: str) -> tuple[Marks, ...]:
    """Return the marks that a model with this template may use, always including the usual ones."""
    return tuple(marks for marks in _MARKS if marks is USUAL_MARKS or marks.end in template)


def open_marks(prompt: str, marks: Sequence[Marks]) -> Marks | None:
    """Return the marks that the prompt opens at its end, so that the reply begins with thoughts."""
    ending = prompt.rstrip()
    return next((pair for pair in marks if ending.endswith(pair.begin)), None)


class ReasoningSplitter:
    """Separates thoughts from content; holds back a mark's length, and white space at the edges."""

    def __init__(self, marks: Sequence[Marks], opened: Marks | None = None) -> None:
        self._marks = marks
        self._inside = opened
        self._is_beginning = opened is None
        self._is_blank = True
        self._held = ""

    def feed(self, text: str) -> Iterator[ReplyPart]:
        """Yield the parts that are final after some more text."""
        self._held += text
        if self._is_beginning:
            self._look_for_beginning()
        if self._inside is not None:
            yield from self._thoughts(self._inside, is_last=False)
        if self._inside is None and not self._is_beginning:
            yield from self._content()

    def finish(self) -> Iterator[ReplyPart]:
        """Yield the text that was held back, at the end of the reply."""
        if self._inside is not None:
            yield from self._thoughts(self._inside, is_last=True)
        self._is_beginning = False
        yield from self._content()

    def _look_for_beginning(self) -> None:
        text = self._held.lstrip()
        for marks in self._marks:
            if text.startswith(marks.begin):
                self._held = text.removeprefix(marks.begin)
                self._inside = marks
                self._is_beginning = False
                return
        if not any(marks.begin.startswith(text) for marks in self._marks):
            self._is_beginning = self._is_blank = False

    def _thoughts(self, marks: Marks, *, is_last: bool) -> Iterator[ReplyPart]:
        if self._is_blank:
            self._held = self._held.lstrip()
        thoughts, mark, rest = self._held.partition(marks.end)
        if mark:
            self._inside, self._held = None, rest
        elif is_last:
            self._held = ""
        else:
            certain = self._held[: len(self._held) - possible_beginning(self._held, [marks.end])]
            thoughts = certain.rstrip()
            self._held = self._held[len(thoughts) :]
        if mark or is_last:
            thoughts = thoughts.rstrip()
        if thoughts:
            self._is_blank = False
            yield ReplyPart("reasoning", thoughts)
        if mark:
            self._is_blank = True

    def _content(self) -> Iterator[ReplyPart]:
        text, self._held = self._held, ""
        if self._is_blank:
            text = text.lstrip()
        if text:
            self._is_blank = False
            yield ReplyPart("content", text)
