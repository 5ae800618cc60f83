"""Markdown rule that links bare addresses in the text, as GitHub does (GFM: autolinks)."""

from __future__ import annotations

import re

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline

# Wide punctuation ends an address, as no space follows it in Chinese or Japanese.
_WEB = re.compile(r"(?:https?://|www\.)[^\s<>\"`\u3000-\u303f\uff00-\uff60]+", re.IGNORECASE)
_MAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", re.ASCII)
_LEAD = re.compile(r"(?<![\w.+/-])(?:https?|[\w.+-]+)\Z", re.IGNORECASE | re.ASCII)
_TRAILING = "?!.,:;*_~'"


def add_addresses(parser: MarkdownIt) -> None:
    """Make a parser link bare web and email addresses."""
    parser.inline.add_terminator_char("w")
    parser.inline.ruler.push("address", _read)


def _read(state: StateInline, silent: bool) -> bool:  # noqa: FBT001 - markdown-it's signature
    if silent or state.linkLevel or state.src[state.pos] not in ":@w":
        return False
    lead = _lead(state)
    begin = state.pos - len(lead)
    address = _address(state.src, begin, state.posMax)
    target = f"mailto:{address}" if "@" in lead + state.src[state.pos] else address
    if address.lower().startswith("www."):
        target = f"http://{address}"
    if len(address) <= len(lead) or not state.md.validateLink(target):
        return False
    state.pending = state.pending.removesuffix(lead)
    state.push("link_open", "a", 1).attrs = {"href": target}
    state.push("text", "", 0).content = address
    state.push("link_close", "a", -1)
    state.pos = begin + len(address)
    return True


def _lead(state: StateInline) -> str:
    """Return the part of the address already read: its scheme, or the name before the `@`."""
    if state.src[state.pos] == "w":
        return ""
    found = _LEAD.search(state.pending)
    return found[0] if found else ""


def _address(text: str, begin: int, limit: int) -> str:
    found = _WEB.match(text, begin, limit) or _MAIL.match(text, begin, limit)
    before = text[begin - 1 : begin]
    if found is None or (before.isascii() and before.isalnum()):
        return ""
    address = found[0]
    while address:
        shorter = address.rstrip(_TRAILING)
        for opening, closing in ("()", "[]", "{}"):
            if shorter.endswith(closing) and shorter.count(closing) > shorter.count(opening):
                shorter = shorter[:-1]
        if shorter == address:
            break
        address = shorter
    return address
