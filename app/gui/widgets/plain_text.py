"""Texts that Qt would take for HTML, shown literally."""

from __future__ import annotations

import html
import re

from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import QToolTip

from app.gui.theme.tokens import SIZE

_FIGURE = re.compile(r"[\d.,]*\d (?:[^\W\d]+|%)")


def plain_tool_tip(text: str) -> str:
    """Return a tool tip that shows `text` literally, in lines that break between words.

    A figure and its unit stay together.
    """
    if not text:
        return ""
    joined = _FIGURE.sub(r"<nobr>\g<0></nobr>", html.escape(text))
    metrics = QFontMetrics(QToolTip.font())
    width = max(metrics.horizontalAdvance(line) for line in text.splitlines())
    if width <= SIZE.tool_tip:
        return f'<p style="white-space: pre">{joined}</p>'
    # Of all that Qt understands, only a table has a width.
    return (
        f'<table width="{SIZE.tool_tip}"><tr><td style="white-space: pre-wrap">{joined}'
        "</td></tr></table>"
    )
