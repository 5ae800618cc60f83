"""Markdown rule for `*` and `_` that handles three kinds of text that CommonMark gets wrong.

Chinese, Japanese and Korean put no spaces between words, so a wide neighbor counts like a space.
Between two operands, as in `2*3*4` or `x**2 + y**2`, the character itself is meant. So are the
underscores of Python's names, such as `__init__`.
"""

from __future__ import annotations

import builtins
import re
import unicodedata
from typing import NamedTuple

from markdown_it import MarkdownIt
from markdown_it.common.utils import isMdAsciiPunct
from markdown_it.rules_inline import StateInline
from markdown_it.rules_inline.state_inline import Delimiter

_WIDE = frozenset("WFH")
_NAME = re.compile(r"__[A-Za-z0-9]+(?:_[A-Za-z0-9]+)*__(?!\w)")
_GOES_ON = re.compile(r"\(|\[|\.\w")
_OF_MODULES = ("all", "file", "main", "path", "post_init", "pycache", "slots", "version")
_PYTHON_NAMES = frozenset(
    (
        *(f"__{name}__" for name in _OF_MODULES),
        *(name for kind in vars(builtins).values() for name in dir(kind)),
    )
)


class _Run(NamedTuple):
    length: int
    opens: bool
    closes: bool


def add_emphasis(parser: MarkdownIt) -> None:
    """Replace markdown-it's rule with this one."""
    parser.inline.ruler.at("emphasis", _read)


def _read(state: StateInline, silent: bool) -> bool:  # noqa: FBT001 - markdown-it's signature
    marker = state.src[state.pos]
    if silent or marker not in "*_":
        return False
    name = _python_name(state.src, state.pos)
    if name:
        state.append_pending(name)
        state.pos += len(name)
        return True
    run = _scan(state, marker)
    for _ in range(run.length):
        token = state.push("text", "", 0)
        token.content = marker
        place = len(state.tokens) - 1
        state.delimiters.append(
            Delimiter(ord(marker), run.length, place, -1, run.opens, run.closes)
        )
    state.pos += run.length
    return True


def _python_name(text: str, begin: int) -> str:
    found = _NAME.match(text, begin)
    if found is None:
        return ""
    is_attribute = text[:begin].endswith(".") or _GOES_ON.match(text, found.end())
    return found[0] if found[0] in _PYTHON_NAMES or is_attribute else ""


def _scan(state: StateInline, marker: str) -> _Run:
    end = state.pos
    while end < state.posMax and state.src[end] == marker:
        end += 1
    length = end - state.pos
    before = state.src[state.pos - 1] if state.pos else " "
    after = state.src[end] if end < state.posMax else " "
    is_left = not after.isspace() and (not _is_mark(after) or _is_apart(before))
    is_right = not before.isspace() and (not _is_mark(before) or _is_apart(after))
    if marker == "_":
        opens = is_left and (not is_right or _is_mark(before))
        return _Run(length, opens, is_right and (not is_left or _is_mark(after)))
    if _is_letter(after) and (_is_letter(before) or before in ")]}"):
        # The S of **S**tandard may end here, but nothing starts.
        return _Run(length, opens=False, closes=is_right and _is_strong_open(state, length))
    return _Run(length, is_left, is_right)


def _is_strong_open(state: StateInline, length: int) -> bool:
    return length > 1 and any(one.open and one.length > 1 for one in state.delimiters)


def _is_mark(character: str) -> bool:
    return isMdAsciiPunct(ord(character)) or unicodedata.category(character)[0] == "P"


def _is_wide(character: str) -> bool:
    return unicodedata.east_asian_width(character) in _WIDE


def _is_apart(character: str) -> bool:
    return character.isspace() or _is_mark(character) or _is_wide(character)


def _is_letter(character: str) -> bool:
    return character.isalnum() and not _is_wide(character)
