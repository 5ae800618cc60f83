"""The text of a model card."""

from __future__ import annotations

import re

_FRONT_MATTER = re.compile(r"\A\ufeff?\s*---[ \t]*\r?\n.*?^---[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.M)


def read_card(content: bytes) -> str:
    """Return a model card's Markdown without its front matter."""
    text = content.decode("utf-8", "replace").replace("\0", "")
    return _FRONT_MATTER.sub("", text, count=1).strip()
