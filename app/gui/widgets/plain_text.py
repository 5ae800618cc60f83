"""Make text fit for widgets: escaped where Qt would take it for HTML, shortened names."""

from __future__ import annotations

import html


def plain_tool_tip(text: str) -> str:
    """Return a tool tip that shows `text` literally and wraps long lines."""
    if not text:
        return ""
    return f'<p style="white-space: pre-wrap">{html.escape(text)}</p>'


def shortened(name: str, most: int) -> str:
    """Return a name of at most `most` characters, with an ellipsis instead of its middle."""
    if len(name) <= most:
        return name
    half = most // 2
    return f"{name[: most - half - 1]}…{name[-half:]}"
