"""Escape text that Qt would take for HTML, and let long words break."""

from __future__ import annotations

import html
import re

from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import QToolTip

from app.gui.theme.tokens import SIZE

_FIGURE = re.compile(r"[\d.,]*\d (?:[^\W\d]+|%)")

_BREAK = "\u200b"
"""A zero-width space: Qt may break a line there."""

_LONG_WORD = re.compile(r"\S{24,}")
_PIECE = re.compile(r".{1,23}?[/\\\\_.:@=-]+|.{1,24}")


def plain_tool_tip(text: str) -> str:
    """Return a tool tip that shows `text` literally, in lines that break between words.

    A figure and its unit stay together.
    """
    if not text:
        return ""
    metrics = QFontMetrics(QToolTip.font())
    width = max(metrics.horizontalAdvance(line) for line in text.splitlines())
    if width <= SIZE.tool_tip:
        return f'<div style="white-space: pre">{html.escape(text)}</div>'
    joined = _FIGURE.sub(r"<nobr>\g<0></nobr>", html.escape(breakable(text)))
    # Of all that Qt understands, only a table has a width.
    return (
        f'<table width="{SIZE.tool_tip}" cellspacing="0" cellpadding="0"><tr>'
        f'<td style="white-space: pre-wrap">{joined}</td></tr></table>'
    )


def breakable(text: str) -> str:
    """Let paths and other long words break, after punctuation if possible.

    `unbroken` gives the text back.
    """
    return _LONG_WORD.sub(lambda word: _BREAK.join(_PIECE.findall(word[0])), text)


def unbroken(text: str) -> str:
    """Return a `breakable` text as it was."""
    return text.replace(_BREAK, "")
