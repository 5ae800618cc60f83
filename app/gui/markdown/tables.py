"""Markdown rule for tables that keeps surplus cells.

GitHub splits a row at each unescaped pipe, even in code and formulas, and drops the cells that the
header has no column for. Models write such rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock, table
from markdown_it.token import Token

from app.gui.markdown.formulas import IN_A_ROW

_CODE = r"(?P<code>(?P<ticks>`+)(?!`).*?(?<!`)(?P=ticks)(?!`))"
_CHARACTER = r"(?P<escaped>\\\|)|(?P<pipe>\|)|\\.|."
_PIECE = re.compile(rf"{_CODE}|{IN_A_ROW}|{_CHARACTER}", re.ASCII)
_PLAIN_PIECE = re.compile(rf"(?P<code>(?!))|{_CHARACTER}")


def add_tables(parser: MarkdownIt) -> None:
    """Replace markdown-it's rule with this one."""
    parser.block.ruler.at("table", _read, {"alt": ["paragraph", "reference"]})


def _read(state: StateBlock, first: int, limit: int, silent: bool) -> bool:  # noqa: FBT001
    begin = len(state.tokens)
    if not table(state, first, limit, silent):
        return False
    for line, cells in _rows(state.tokens[begin:]):
        source = state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]]
        _fill(cells, source.strip())
    return True


def _rows(tokens: list[Token]) -> Iterator[tuple[int, list[Token]]]:
    line = 0
    cells: list[Token] = []
    for token in tokens:
        if token.type == "tr_open" and token.map:
            line, cells = token.map[0], []
        elif token.type == "inline":
            cells.append(token)
        elif token.type == "tr_close":
            yield line, cells


def _fill(cells: list[Token], row: str) -> None:
    """Fill the cells; surplus texts go into the last one."""
    texts = _split(row, _PIECE)
    if len(texts) < len(cells):
        # An unpaired backtick or dollar may join cells.
        texts = _split(row, _PLAIN_PIECE)
    last = len(cells) - 1
    for cell, text in zip(cells, [*texts[:last], " | ".join(texts[last:])], strict=False):
        cell.content = text


def _split(row: str, piece: re.Pattern[str]) -> list[str]:
    texts = [""]
    for found in piece.finditer(row.removeprefix("|")):
        if found["pipe"]:
            texts.append("")
        else:
            is_code = found["code"] or found["escaped"]
            texts[-1] += found[0].replace(r"\|", "|") if is_code else found[0]
    if len(texts) > 1 and not texts[-1].strip():
        texts.pop()
    return [text.strip() for text in texts]
