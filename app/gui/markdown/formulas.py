r"""Markdown rules for formulas: `$x$`, `$$x$$`, `\(x\)`, `\[x\]` and `\begin{y}x\end{y}`.

Backslashes, stars and underscores have other meanings in LaTeX, so every character of a formula is
kept, also of one that is not closed yet because it streams in.
"""

from __future__ import annotations

import re

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline, escape

_CLOSINGS = {"$$": "$$", r"\(": r"\)", r"\[": r"\]"}
# As in Pandoc, to tell formulas from amounts such as $5: no space inside, no word outside.
# Two stars are not LaTeX: between two amounts they are markup.
_CHARACTER = r"(?:\\.|[^$`\\*]|\*(?!\*))"
_IN_DOLLARS = rf"(?<![\w\\$])\$(?![\s$]){_CHARACTER}*(?<!\s)\$(?![\w$])"
_DOLLARS = re.compile(_IN_DOLLARS, re.ASCII | re.DOTALL)
_HALF = re.compile(
    rf"(?<![\w\\$])\${{1,2}}(?![\s\d$])(?=[^$`]*[\\^]){_CHARACTER}*\\?\Z", re.ASCII | re.DOTALL
)
_NO_MARKUP = frozenset(",;:{}%^=/?@")
# At the end of a word it is an exclamation mark that a model has escaped.
_TIGHTENS = re.compile(r"\\!(?=[\w\\])")
_ENVIRONMENT = re.compile(r"\\begin(\{[A-Za-z]+\*?\})")
_OPENING = re.compile(rf"\$\$|\\\[|{_ENVIRONMENT.pattern}")

IN_A_ROW = rf"{_IN_DOLLARS}|\\\(.*?\\\)"
"""A formula within a line of a table, as a regular expression (ASCII)."""


def add_blocks(parser: MarkdownIt) -> None:
    """Make a parser recognize formulas on separate lines."""
    stops = ["paragraph", "reference", "blockquote", "list"]
    parser.block.ruler.before("fence", "formula_block", _read_block, {"alt": stops})


def add_inline(parser: MarkdownIt) -> None:
    """Make a parser recognize formulas within text."""
    parser.inline.ruler.before("escape", "formula", _read_inline)
    parser.inline.ruler.at("escape", _read_escape)


def _read_inline(state: StateInline, silent: bool) -> bool:  # noqa: FBT001 - markdown-it's signature
    end = _inline_end(state.src, state.pos, state.posMax)
    if end <= state.pos:
        return False
    if not silent:
        state.push("formula", "", 0).content = state.src[state.pos : end]
    state.pos = end
    return True


def _read_escape(state: StateInline, silent: bool) -> bool:  # noqa: FBT001 - markdown-it's signature
    """Keep a backslash that escapes no markup: it is bare LaTeX."""
    is_latex = state.src[state.pos + 1 : state.pos + 2] in _NO_MARKUP
    is_latex = is_latex or _TIGHTENS.match(state.src, state.pos) is not None
    return not is_latex and escape(state, silent)


def _inline_end(text: str, begin: int, limit: int) -> int:
    """Return the end of the formula that starts there, or -1."""
    opening = text[begin : begin + 2]
    if opening in (r"\)", r"\]"):
        return begin + 2
    if opening in _CLOSINGS:
        end = text.find(_CLOSINGS[opening], begin + 2, limit)
        if end >= 0:
            return end + 2
        if opening != "$$":
            return limit
    environment = _ENVIRONMENT.match(text, begin, limit)
    if environment:
        closing = rf"\end{environment[1]}"
        end = text.find(closing, environment.end(), limit)
        return end + len(closing) if end >= 0 else limit
    found = None
    if opening.startswith("$"):
        found = _DOLLARS.match(text, begin, limit) or _HALF.match(text, begin, limit)
    return found.end() if found else -1


def _read_block(state: StateBlock, first: int, limit: int, silent: bool) -> bool:  # noqa: FBT001
    if state.is_code_block(first):
        return False
    line = _line(state, first)
    opening = _OPENING.match(line)
    if opening is None:
        return False
    closing = rf"\end{opening[1]}" if opening[1] else _CLOSINGS[opening[0]]
    place = line.find(closing, opening.end())
    if 0 <= place < len(line.rstrip()) - len(closing):
        # The sentence continues behind it.
        return False
    if silent:
        return True
    end = first + 1
    while place < 0 and end < limit and not state.isEmpty(end):
        if state.sCount[end] < state.blkIndent:
            break
        place = _line(state, end).find(closing)
        end += 1
    token = state.push("formula_block", "", 0)
    token.content = state.getLines(first, end, state.sCount[first], False).rstrip()
    token.map = [first, end]
    state.line = end
    return True


def _line(state: StateBlock, line: int) -> str:
    return state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]]
