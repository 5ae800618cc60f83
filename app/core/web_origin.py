"""The origin of a web page, as browsers write it: scheme, host and, unless usual, port."""

from __future__ import annotations

import re

_ORIGIN = re.compile(r"https?://(\[[0-9a-f:]+\]|[a-z0-9]([a-z0-9.-]*[a-z0-9])?)(:[1-9][0-9]{0,4})?")


def is_web_origin(text: str) -> bool:
    """Whether a browser could send this as the origin of a page, to the letter."""
    return _ORIGIN.fullmatch(text) is not None
