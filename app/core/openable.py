"""Arguments that the window opens: GGUF files, and links to repositories on the Hub."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

LINK_SCHEME = "gristmill"
"""Scheme of links such as `gristmill://owner/name`, which other programs open."""
_SUFFIX = ".gguf"


def is_link(text: str) -> bool:
    """Return whether a text is a link to a repository."""
    return text.lower().startswith(f"{LINK_SCHEME}://")


def openable(argument: str) -> str | None:
    """Return a link, or the absolute path of a GGUF file; None for anything else.

    Desktops pass files as paths or as `file` addresses.
    """
    if is_link(argument):
        return argument
    is_address = argument.lower().startswith("file://")
    path = url2pathname(urlsplit(argument).path) if is_address else argument
    return str(Path(path).absolute()) if path.lower().endswith(_SUFFIX) else None
