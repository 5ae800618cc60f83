"""Escape text that Qt would take for HTML, and let long words break."""

from __future__ import annotations

import html
import re

_BREAK = "\u200b"
"""A zero-width space: Qt may break a line there."""

_LONG_WORD = re.compile(r"\S{24,}")
_PIECE = re.compile(r".{1,23}?[/\\\\_.:@=-]+|.{1,24}")


def plain_tool_tip(text: str) -> str:
    """Return a tool tip that shows `text` literally and wraps long lines."""
    if not text:
        return ""
    return f'<p style="white-space: pre-wrap">{html.escape(breakable(text))}</p>'


def breakable(text: str) -> str:
    """Let paths and other long words break, after punctuation if possible.

    `unbroken` gives the text back.
    """
    return _LONG_WORD.sub(lambda word: _BREAK.join(_PIECE.findall(word[0])), text)


def unbroken(text: str) -> str:
    """Return a `breakable` text as it was."""
    return text.replace(_BREAK, "")
