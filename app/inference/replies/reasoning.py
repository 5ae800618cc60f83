"""Separate the reasoning of models from the content, as replies stream.

Most put their reasoning between two tags at the start of the reply; many templates write the first
tag themselves. The tags are those of the templates in llama.cpp's models/templates.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from app.inference.tokens.detokenizer import possible_prefix_length


@dataclass(frozen=True)
class ReplyPart:
    """A piece of a reply: reasoning or content."""

    kind: Literal["reasoning", "content"]
    text: str


@dataclass(frozen=True)
class ReasoningTags:
    """The tags before and after a model's reasoning."""

    begin: str
    end: str


DEFAULT_TAGS = ReasoningTags("<think>", "</think>")
_TAGS = (
    DEFAULT_TAGS,
    ReasoningTags("<seed:think>", "</seed:think>"),
    ReasoningTags("<mm:think>", "</mm:think>"),
    ReasoningTags("[THINK]", "[/THINK]"),
    ReasoningTags("<|START_THINKING|>", "<|END_THINKING|>"),
    ReasoningTags("<|inner_prefix|>", "<|inner_suffix|>"),
    ReasoningTags("<|channel>thought", "<channel|>"),
    ReasoningTags("Here are my reasoning steps:", "[BEGIN FINAL RESPONSE]"),
)


def tags_of(template: str) -> tuple[ReasoningTags, ...]:
    """Return the tags that a model with this template may use, always including the default."""
    return tuple(tags for tags in _TAGS if tags is DEFAULT_TAGS or tags.end in template)


def open_tags(prompt: str, tags: Sequence[ReasoningTags]) -> ReasoningTags | None:
    """Return the tags left open at the end of a prompt, so that a reply begins with reasoning."""
    ending = prompt.rstrip()
    return next((pair for pair in tags if ending.endswith(pair.begin)), None)


class ReasoningSplitter:
    """Separates reasoning from content; holds back a tag's length, and whitespace at the edges."""

    def __init__(self, tags: Sequence[ReasoningTags], opened: ReasoningTags | None = None) -> None:
        self._tags = tags
        self._inside = opened
        self._is_beginning = opened is None
        self._is_blank = True
        self._held = ""

    def feed(self, text: str) -> Iterator[ReplyPart]:
        """Take more text, and yield the parts that are now final."""
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
        for tags in self._tags:
            if text.startswith(tags.begin):
                self._held = text.removeprefix(tags.begin)
                self._inside = tags
                self._is_beginning = False
                return
        if not any(tags.begin.startswith(text) for tags in self._tags):
            self._is_beginning = self._is_blank = False

    def _thoughts(self, tags: ReasoningTags, *, is_last: bool) -> Iterator[ReplyPart]:
        if self._is_blank:
            self._held = self._held.lstrip()
        thoughts, tag, rest = self._held.partition(tags.end)
        if tag:
            self._inside, self._held = None, rest
        elif is_last:
            self._held = ""
        else:
            certain = self._held[: len(self._held) - possible_prefix_length(self._held, [tags.end])]
            thoughts = certain.rstrip()
            self._held = self._held[len(thoughts) :]
        if tag or is_last:
            thoughts = thoughts.rstrip()
        if thoughts:
            self._is_blank = False
            yield ReplyPart("reasoning", thoughts)
        if tag:
            self._is_blank = True

    def _content(self) -> Iterator[ReplyPart]:
        text, self._held = self._held, ""
        if self._is_blank:
            text = text.lstrip()
        if text:
            self._is_blank = False
            yield ReplyPart("content", text)
