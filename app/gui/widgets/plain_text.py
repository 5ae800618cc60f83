"""Escape text that Qt would take for HTML."""

from __future__ import annotations

import html


def plain_tool_tip(text: str) -> str:
    """Return a tool tip that shows `text` literally and wraps long lines."""
    if not text:
        return ""
    return f'<p style="white-space: pre-wrap">{html.escape(text)}</p>'
