"""Split Markdown into blocks that are laid out one by one, without Qt.

The limits keep hostile or runaway text from freezing the layout: long paragraphs are cut, deep
nesting is flattened and long tables end early.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markdown_it import MarkdownIt
from markdown_it.token import Token

from app.gui.markdown.formulas import add_blocks

LONGEST_PROSE = 10_000
LONGEST_GROUP = 2_000
DEEPEST_NESTING = 16
MAX_TABLE_ROWS = 200
MAX_TABLE_CELLS = 400
MAX_CODE = 100

_MARKER = r"[ \t]*(?:>|[-+*](?=[ \t])|\d{1,9}[.)](?=[ \t]))"
_TOO_DEEP = re.compile(rf"^((?:{_MARKER}){{{DEEPEST_NESTING}}})(?:{_MARKER})+", re.MULTILINE)
_TOO_FAR = re.compile(rf"^([ \t]{{{2 * DEEPEST_NESTING}}})[ \t]+", re.MULTILINE)
_TABLE_RULE = re.compile(r"[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-*:?[ \t]*)+")
_LINE_END = re.compile(r"\r\n?")
_OUTER_LINE = re.compile(r"\n(?=[^\s>])")
_MARGIN = " \t>"
_CODE_TYPES = ("fence", "code_block")


@dataclass(frozen=True)
class Prose:
    """Text to lay out as Markdown; the source can be parsed again from `start`."""

    start: int
    source: str


@dataclass(frozen=True)
class Code:
    """A code block: the language as the model named it, and the exact text."""

    start: int
    language: str
    text: str


Block = Prose | Code


@dataclass(frozen=True)
class _Top:
    start: int
    first_line: int
    lines: list[str]
    is_paragraph: bool
    fences: list[Token]


def _block_parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": DEEPEST_NESTING})
    # Only the starts of blocks matter here; their contents are parsed when they are laid out.
    parser.core.ruler.enableOnly(["normalize", "block"])
    add_blocks(parser)
    return parser.disable(["html_block", "reference"])


_parser = _block_parser()


def normalize(source: str) -> str:
    """Return the source with line feeds as line endings; positions of blocks refer to this text."""
    return _LINE_END.sub("\n", source)


def split_blocks(
    source: str, more_rows: str = "… {count} more rows", max_code: int = MAX_CODE
) -> list[Block]:
    """Return the blocks of a normalized Markdown text, in order.

    Neighboring paragraphs, lists and tables share a `Prose` of up to `LONGEST_GROUP` characters,
    so that text can be selected across them; a longer one gets its own.

    Args:
        source: Markdown.
        more_rows: the line below a table that is cut short.
        max_code: the largest number of separate code blocks; more are left in the prose.
    """
    blocks: list[Block] = []
    for top in _top_blocks(source):
        fences = top.fences[:max_code]
        max_code -= len(fences)
        for block in _cut(top, fences, more_rows):
            last = blocks[-1] if blocks else None
            # The prose around code must start where it can be parsed by itself.
            may_join = not fences or (last is not None and last.start == top.start)
            joined = _joined(last, block) if may_join else None
            if joined is None:
                blocks.append(block)
            else:
                blocks[-1] = joined
    return blocks


def _joined(one: Block | None, other: Block) -> Prose | None:
    if not (isinstance(one, Prose) and isinstance(other, Prose)):
        return None
    if len(one.source) + len(other.source) > LONGEST_GROUP:
        return None
    return Prose(one.start, f"{one.source}\n{other.source}")


def _top_blocks(source: str) -> Iterator[_Top]:
    lines = source.split("\n")
    starts = _line_starts(lines)
    tops: list[tuple[int, str, list[Token]]] = []
    for token in _parser.parse(source):
        if token.level == 0 and token.nesting >= 0 and token.map:
            tops.append((token.map[0] if tops else 0, token.type, []))
        if token.type in _CODE_TYPES and tops and (token.type == "fence" or token.level == 0):
            tops[-1][2].append(token)
    ends = [*(begin for begin, _, _ in tops[1:]), len(lines)]
    for (begin, kind, fences), end in zip(tops, ends, strict=False):
        yield _Top(starts[begin], begin, lines[begin:end], kind == "paragraph_open", fences)


def _cut(top: _Top, fences: Sequence[Token], more_rows: str) -> Iterator[Block]:
    """Make code a separate block, even inside a list or quote, so that it can be copied."""
    if top.is_paragraph:
        rows = _shorten_table(top.lines, more_rows)
        yield from _prose("\n".join(rows), top.start)
        return
    done, width = 0, 0
    for fence in fences:
        begin, end = (line - top.first_line for line in fence.map or (0, 0))
        yield from _prose("\n".join(_unindent(top.lines[done:begin], width)), top.start)
        yield Code(top.start, _language(fence), fence.content.removesuffix("\n"))
        done, width = end, max(0, top.lines[begin].find(fence.markup))
    yield from _prose("\n".join(_unindent(top.lines[done:], width)), top.start)


def _line_starts(lines: Sequence[str]) -> list[int]:
    starts, place = [], 0
    for line in lines:
        starts.append(place)
        place += len(line) + 1
    return starts


def _language(fence: Token) -> str:
    return fence.info.split(maxsplit=1)[0] if fence.info.strip() else ""


def _unindent(lines: list[str], width: int) -> list[str]:
    """Remove the margin of lines that belong to the same item as the code above them."""
    for index, line in enumerate(lines):
        margin = len(line) - len(line.lstrip(_MARGIN))
        if line.strip(_MARGIN) and margin < width:
            # After a blank line, an item with any number starts a list.
            return [*lines[:index], "", *lines[index:]]
        lines[index] = line[min(width, margin) :]
    return lines


def _shorten_table(lines: list[str], more_rows: str) -> list[str]:
    rules = (index for index, line in enumerate(lines) if index and _TABLE_RULE.fullmatch(line))
    rule = next(rules, None)
    if rule is None:
        return lines
    rows = [line for line in lines[rule + 1 :] if line.strip()]
    columns = max(1, len(lines[rule].strip(" \t|").split("|")))
    max_rows = min(MAX_TABLE_ROWS, max(1, MAX_TABLE_CELLS // columns))
    kept, room = 0, LONGEST_PROSE - sum(map(len, lines[: rule + 1]))
    while kept < min(len(rows), max_rows) and room >= len(rows[kept]):
        room -= len(rows[kept]) + 1
        kept += 1
    if kept == len(rows):
        return lines
    rest = more_rows.replace("{count}", f"{len(rows) - kept:,}")
    return [*lines[: rule + 1], *rows[:kept], "", rest, ""]


def _prose(source: str, start: int) -> Iterator[Prose]:
    if not source.strip():
        return
    flat = _TOO_FAR.sub(r"\1", _TOO_DEEP.sub(r"\1 … ", source))
    place = 0
    while len(flat) - place > LONGEST_PROSE:
        end = _break_before(flat, place + LONGEST_PROSE)
        yield Prose(start + place if flat == source else start, flat[place:end])
        place = end
    yield Prose(start + place if flat == source else start, flat[place:])


def _break_before(text: str, end: int) -> int:
    """Return a place to cut at or before `end`: an outer line, a line, a word, or `end` itself."""
    nearest = end - LONGEST_PROSE // 2
    outer = max((found.end() for found in _OUTER_LINE.finditer(text, nearest, end)), default=0)
    if outer:
        return outer
    for separator in ("\n", " "):
        found = text.rfind(separator, nearest, end)
        if found >= 0:
            return found + 1
    return end
