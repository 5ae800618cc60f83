"""Text that Qt would take for HTML, made harmless."""

from __future__ import annotations

import html


def plain_tool_tip(text: str) -> str:
    """A tool tip that shows `text` literally, whatever markup it holds, and wraps long lines."""
    if not text:
        return ""
    return f'<p style="white-space: pre-wrap">{html.escape(text)}</p>'
