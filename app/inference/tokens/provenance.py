"""Trace the characters of a rendered prompt to the template or to the client.

The text of a control token must stay text if a user, a document or a tool wrote it; written by the
template, the same text is a token. Both end up in one string, so the conversation is rendered once
as it is and once *masked*: each of its characters that could belong to a control token's text is
replaced by a stand-in of the same length. If the two renderings agree after unmasking, the
stand-ins show the origin of every character, whatever the template did with the text: trim, split,
join. The template's own string constants, such as `</think>`, are not masked unless they could
belong to a control token, so that the template takes the same branches both times.

If the renderings don't agree (the template changes case, escapes `<`, or searches a message for a
control token's text), `app.inference.prompts.rendering` decides which prompt to use.

The stand-ins are lone surrogates: no text that arrives as UTF-8 contains any, and no string
operation of templates treats them specially.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

Span = tuple[int, int]
"""The start and end of a part of a string."""

_FIRST_STAND_IN = 0xD800
_MAX_STAND_INS = 0x800
_SURROGATE = re.compile("[\ud800-\udfff]")
# JSON escapes these, and templates trim and split at white space.
_NEVER_MASKED = frozenset("\"\\'")
_PLAIN_NAME = re.compile(r"[\w$.-]+")
# Values that the request format prescribes; they are not client text.
_FIXED_WORDS = frozenset(
    {"function", "object", "string", "number", "integer", "boolean", "array", "null", "text"}
)


class ControlTexts:
    """The texts of a vocabulary's control tokens."""

    def __init__(self, texts: Collection[str]) -> None:
        # SentencePiece reads spaces as "▁" before it looks for pieces.
        spaced = {text.replace("▁", " ") for text in texts}
        self._texts = frozenset(text for text in spaced.union(texts) if text.strip())
        beginnings: dict[str, set[int]] = {}
        for text in self._texts:
            beginnings.setdefault(text[0], set()).add(len(text))
        self._lengths = {
            first: sorted(lengths, reverse=True) for first, lengths in beginnings.items()
        }
        self._first = re.compile(f"[{''.join(map(re.escape, beginnings))}]") if beginnings else None
        self._joined = "\0".join(self._texts)
        self.letters = "".join(sorted(set(self._joined) - {"\0"}))

    def find(self, text: str) -> Iterator[Span]:
        """Yield the spans of control tokens' texts, the longest at each start; they may overlap."""
        if self._first is None:
            return
        for found in self._first.finditer(text):
            start = found.start()
            for length in self._lengths[found.group()]:
                if text[start : start + length] in self._texts:
                    yield start, start + length
                    break

    def occur_in(self, text: str) -> bool:
        """Return whether any of them occurs in `text`."""
        return next(self.find(text), None) is not None

    def contain_part(self, text: str) -> bool:
        """Return whether `text` is part of a control token's text."""
        return text in self._joined


class Masks:
    """Masks characters with stand-ins, and unmasks them."""

    def __init__(self, control: ControlTexts, constants: Collection[str]) -> None:
        self._control = control
        letters = [
            letter
            for letter in control.letters
            if not letter.isspace() and letter not in _NEVER_MASKED
        ][:_MAX_STAND_INS]
        self._mask = {ord(letter): _FIRST_STAND_IN + i for i, letter in enumerate(letters)}
        self._unmask = {stand_in: letter for letter, stand_in in self._mask.items()}
        self._kept = [
            text
            for text in sorted(constants, key=len, reverse=True)
            if text.translate(self._mask) != text
            and not control.contain_part(text)
            and not control.occur_in(text)
        ]

    def everything(self, text: str) -> str:
        """Mask everything that could belong to a control token, except the template's constants."""
        kept = [constant for constant in self._kept if constant in text]
        if not kept:
            return text.translate(self._mask)
        pieces = re.split(f"({'|'.join(map(re.escape, kept))})", text)
        pieces[::2] = [piece.translate(self._mask) for piece in pieces[::2]]
        return "".join(pieces)

    def control_texts(self, text: str) -> str:
        """Mask only the first characters of whole control tokens' texts."""
        letters = list(text)
        for start, _ in self._control.find(text):
            letters[start] = letters[start].translate(self._mask)
        return "".join(letters)

    def unmasked(self, text: str) -> str:
        """Return the text unmasked."""
        return text.translate(self._unmask)

    def untrusted(self, masked: str, text: str) -> tuple[Span, ...]:
        """Return the spans of control tokens in `text` with any character masked in `masked`."""
        return untrusted_spans(
            self._control.find(text),
            lambda start, end: _SURROGATE.search(masked, start, end) is not None,
        )

    def trusted_counts(self, masked: str) -> Counter[str]:
        """Count how often the template itself wrote each control token's text."""
        return Counter(
            masked[start:end]
            for start, end in self._control.find(masked)
            if not _SURROGATE.search(masked, start, end)
        )


def untrusted_spans(
    found: Iterable[Span], is_foreign: Callable[[int, int], bool]
) -> tuple[Span, ...]:
    """Return the spans that are untrusted, merging those that overlap or touch."""
    spans: list[Span] = []
    for start, end in found:
        if not is_foreign(start, end):
            continue
        if spans and start <= spans[-1][1]:
            spans[-1] = spans[-1][0], max(end, spans[-1][1])
        else:
            spans.append((start, end))
    return tuple(spans)


def without_surrogates(text: str) -> str:
    """Replace lone surrogates, which no vocabulary has, with "?"."""
    return _SURROGATE.sub("?", text)


def mapped(value: Any, change: Callable[[str], str]) -> Any:
    """Return a copy of JSON-like data with `change` applied to its strings, except plain keys."""
    if isinstance(value, str):
        return value if value in _FIXED_WORDS else change(value)
    if isinstance(value, Mapping):
        return {
            key if _PLAIN_NAME.fullmatch(key) else change(key): mapped(item, change)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [mapped(item, change) for item in value]
    return value


def mapped_messages(
    messages: list[dict[str, Any]], change: Callable[[str], str]
) -> list[dict[str, Any]]:
    """Apply `mapped` to messages, except their roles, which are checked already."""
    return [
        {key: item if key == "role" else mapped(item, change) for key, item in message.items()}
        for message in messages
    ]
