"""Regular expressions for names of tensors, as Python and llama.cpp both read them.

llama.cpp searches with C++'s `std::regex` in its ECMAScript grammar (src/llama-quant.cpp).
"""

from __future__ import annotations

import re

from app.core.language import tr

_UNKNOWN_GROUP = re.compile(r"(?<!\\)\(\?[^:=!]")
_SPECIAL = frozenset(r"^$\.*+?()[]{}|")


def pattern_error(pattern: str) -> str:
    """Return why a string is not a valid regular expression; empty if it is one."""
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        return str(error)
    unknown = _UNKNOWN_GROUP.search(pattern)
    if unknown is None:
        return ""
    return tr("llama.cpp does not support groups of the kind {group}", group=unknown.group())


def escaped_name(name: str) -> str:
    """Return a pattern for a part of a name.

    Only what has a meaning is escaped: not every `std::regex` accepts other escapes. A dot stands
    for what a list of types can't contain: spaces and equals signs separate its entries, and
    llama-quantize turns its capitals into small letters.
    """
    return "".join(map(_escaped, name))


def _escaped(letter: str) -> str:
    if letter in _SPECIAL:
        return f"\\{letter}"
    return "." if letter.isspace() or letter.isupper() or letter == "=" else letter
