"""Paths of a machine in the metadata of a file: they reveal who made it, and where."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from app.core.errors import AppError, ErrorCode
from app.gguf_file.header_reader import STRING, Header, read_strings

_VOCABULARY = "tokenizer."
"""Entries with texts and code that may look like paths."""
_HOMES = re.compile(
    r"(?<![\w.~/-])/(?:home|Users|root|mnt|media|tmp|private|Volumes|workspace|scratch)/[\w.]"
    r"|(?<![A-Za-z0-9])(?i:[a-z]):[\\/]+(?i:users|documents and settings)[\\/]"
)
"""Folders of users, wherever they are mentioned."""
_ABSOLUTE = re.compile(
    r"^\s*(?:/[^/\s]|~[\\/]|[A-Za-z]:[\\/]|\\\\[^\\\s]|file:)"
    r"|(?<![\w.~:/-])/[\w.-]+/[\w.+-]"
    r"|(?<![A-Za-z0-9])[A-Za-z]:\\[^\\/\s:*?\"<>|]+\\"
    r"|(?<!\\)\\\\[\w.-]+\\\w"
)
"""Absolute paths of POSIX and Windows, and addresses of files."""
_LONGEST_SHOWN = 120


def require_no_paths(header: Header) -> None:
    """Check that no text in a header names a path of a machine.

    Raises:
        AppError: `path_in_metadata`, for the first one; and what `read_strings` raises.
    """
    for key, text in _texts(header):
        if names_path(key, text):
            raise AppError(
                ErrorCode.PATH_IN_METADATA,
                key=key,
                file=header.path.name,
                value=text.strip()[:_LONGEST_SHOWN],
            )


def names_path(key: str, text: str) -> bool:
    """Return whether a text of the metadata names a path of a machine."""
    if _HOMES.search(text) or _names_own_home(text):
        return True
    return not key.startswith(_VOCABULARY) and _ABSOLUTE.search(text) is not None


def _names_own_home(text: str) -> bool:
    home = Path.home()
    if home == Path(home.anchor):
        return False
    return any(
        re.search(rf"(?<!\w){re.escape(written)}(?![\w-])", text) is not None
        for written in (str(home), home.as_posix())
    )


def _texts(header: Header) -> Iterator[tuple[str, str]]:
    for key, value in header.metadata.items():
        values = value if isinstance(value, tuple) else (value,)
        # Tokens may be anything.
        if not (isinstance(value, tuple) and key.startswith(_VOCABULARY)):
            yield from ((key, one) for one in values if isinstance(one, str))
    for key, place in header.arrays.items():
        is_read = key in header.metadata or key.startswith(_VOCABULARY)
        if place.element_type == STRING and not is_read:
            yield from ((key, raw.decode("utf-8", "replace")) for raw in read_strings(header, key))
