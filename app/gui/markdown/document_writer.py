"""Write the tokens of a Markdown text as blocks, lists and tables of a document."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markdown_it.token import Token
from PySide6.QtCore import Qt
from PySide6.QtGui import (
    QFontMetricsF,
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
    QTextList,
)

from app.gui.markdown import formatting
from app.gui.markdown.inline import InlineWriter
from app.gui.markdown.syntax import read
from app.gui.theme.tokens import SPACING, Colors

_LIST_ROOM = SPACING.tiny // 2
_TASK = re.compile(r"\[([ xX])\][ \t]+")
_ALIGNMENTS = {
    "text-align:center": Qt.AlignmentFlag.AlignHCenter,
    "text-align:right": Qt.AlignmentFlag.AlignRight,
}


def write_markdown(document: QTextDocument, source: str, colors: Colors, image_words: str) -> bool:
    """Replace the contents of a document with Markdown, and return whether it has links.

    Args:
        document: its contents are replaced.
        source: Markdown; HTML in it is shown as it is written.
        colors: of the theme.
        image_words: the text that replaces an image, with `{name}` in it.
    """
    document.clear()
    inline = InlineWriter(colors, image_words)
    _Writer(document, colors, inline).write(read(source))
    return inline.has_links


@dataclass
class _List:
    """A list that is being written.

    Attributes:
        depth: 1 for a list that is in no other.
        is_at_item: an item has begun and has no block yet.
        number: of the last item; None for bullets.
        first_number: of the first item.
        suffix: the text behind each number.
        shown: the document's list that the next item joins.
    """

    depth: int
    is_at_item: bool = False
    number: int | None = None
    first_number: int = 0
    suffix: str = ""
    shown: QTextList | None = None

    def count(self, number: int) -> None:
        """Continue counting if the model's numbers rise or repeat; otherwise use its number."""
        if self.number is None:
            self.first_number = self.number = number
        elif number in (self.number + 1, self.first_number):
            self.number += 1
        else:
            self.number, self.shown = number, None

    def add(self, cursor: QTextCursor) -> None:
        """Make the cursor's block the item that has begun."""
        self.is_at_item = False
        if self.shown is not None:
            self.shown.add(cursor.block())
        elif self.number is None:
            self.shown = cursor.createList(formatting.bullets(self.depth))
        else:
            given = formatting.numbers(self.depth, self.number, self.suffix)
            self.shown = cursor.createList(given)

    def make_task(self, cursor: QTextCursor, *, is_done: bool) -> None:
        """Take the item out of the list, so that it has a checkbox instead of a bullet."""
        if self.shown is not None:
            is_only = self.shown.count() == 1
            self.shown.remove(cursor.block())
            # Qt deletes an empty list.
            self.shown = None if is_only else self.shown
        given = cursor.blockFormat()
        formatting.mark_task(given, is_done=is_done)
        cursor.setBlockFormat(given)


class _Writer:
    def __init__(self, document: QTextDocument, colors: Colors, inline: InlineWriter) -> None:
        self._document = document
        self._cursor = QTextCursor(document)
        self._colors = colors
        self._inline = inline
        # A document begins with an empty block, and Qt leaves one below a table.
        self._is_at_empty = True
        self._quotes = 0
        self._lists: list[_List] = []
        self._may_be_task = False
        self._steps: dict[str, Callable[[Token], None]] = {
            "blockquote_open": self._open_quote,
            "blockquote_close": self._close_quote,
            "bullet_list_open": self._open_list,
            "ordered_list_open": self._open_list,
            "list_item_open": self._open_item,
            "list_item_close": self._close_item,
            "bullet_list_close": self._close_list,
            "ordered_list_close": self._close_list,
            "paragraph_open": self._open_paragraph,
            "heading_open": self._open_heading,
            "inline": self._add_text,
            "fence": self._add_code,
            "code_block": self._add_code,
            "formula_block": self._add_formula,
            "hr": self._add_rule,
        }
        self._letters = QTextCharFormat()

    def write(self, tokens: Sequence[Token]) -> None:
        self._cursor.beginEditBlock()
        place = 0
        while place < len(tokens):
            end = place + 1
            if tokens[place].type == "table_open":
                while tokens[end].type != "table_close":
                    end += 1
                self._add_table(tokens[place:end])
            elif step := self._steps.get(tokens[place].type):
                step(tokens[place])
            place = end
        if self._is_at_empty and self._document.blockCount() > 1:
            self._cursor.setBlockFormat(formatting.hidden_block())
        self._cursor.endEditBlock()

    def _begin(self, given: QTextBlockFormat, letters: QTextCharFormat | None = None) -> None:
        """Start a new block within the open lists and quotations."""
        formatting.quote_block(given, self._quotes)
        listing = self._lists[-1] if self._lists else None
        self._may_be_task = listing is not None and listing.is_at_item
        if listing and listing.is_at_item:
            self._make_room(given, listing)
        elif listing:
            given.setIndent(listing.depth)
        has_bullet = listing is not None and listing.is_at_item and listing.number is None
        mark = formatting.bullet() if has_bullet else QTextCharFormat()
        if self._is_at_empty:
            self._cursor.setBlockFormat(given)
            self._cursor.setBlockCharFormat(mark)
        else:
            self._cursor.insertBlock(given, mark)
        self._is_at_empty = False
        if listing and listing.is_at_item:
            listing.add(self._cursor)
        self._letters = formatting.quote(self._colors) if self._quotes else QTextCharFormat()
        if letters is not None:
            self._letters.merge(letters)

    def _make_room(self, given: QTextBlockFormat, listing: _List) -> None:
        """Widen the indent for a long number: Qt draws it to the left even without room."""
        if listing.number is not None:
            metrics = QFontMetricsF(self._document.defaultFont())
            width = metrics.horizontalAdvance(f"{listing.number}{listing.suffix} ")
            lacking = width - listing.depth * self._document.indentWidth()
            given.setLeftMargin(given.leftMargin() + max(0.0, lacking))

    def _open_quote(self, _: Token) -> None:
        self._quotes += 1

    def _close_quote(self, _: Token) -> None:
        self._quotes -= 1

    def _open_list(self, token: Token) -> None:
        self._close_item(token)
        self._lists.append(_List(len(self._lists) + 1))

    def _close_list(self, _: Token) -> None:
        self._lists.pop()

    def _open_item(self, token: Token) -> None:
        listing = self._lists[-1]
        listing.is_at_item = True
        listing.suffix = token.markup
        if token.info:
            listing.count(int(token.info))

    def _close_item(self, _: Token) -> None:
        """Give an item without text its own block."""
        if self._lists and self._lists[-1].is_at_item:
            self._begin(formatting.block_format(_LIST_ROOM))

    def _open_paragraph(self, _: Token) -> None:
        self._begin(formatting.block_format(_LIST_ROOM if self._lists else SPACING.medium))

    def _open_heading(self, token: Token) -> None:
        level = int(token.tag.removeprefix("h"))
        self._begin(formatting.heading_block(level), formatting.heading(level))

    def _add_text(self, token: Token) -> None:
        pieces = token.children or []
        task = _TASK.match(pieces[0].content) if pieces and self._may_be_task else None
        if task:
            self._lists[-1].make_task(self._cursor, is_done=task[1] != " ")
            pieces[0].content = pieces[0].content[task.end() :]
        self._inline.write(self._cursor, pieces, self._letters)

    def _add_code(self, token: Token) -> None:
        for line in token.content.removesuffix("\n").split("\n"):
            self._begin(formatting.code_block(self._colors), formatting.code())
            self._cursor.insertText(line, self._letters)

    def _add_formula(self, token: Token) -> None:
        self._begin(formatting.block_format(SPACING.small), formatting.code())
        self._inline.write(self._cursor, [token], self._letters)

    def _add_rule(self, _: Token) -> None:
        self._begin(formatting.rule_block(self._colors))

    def _add_table(self, tokens: Sequence[Token]) -> None:
        self._close_item(tokens[0])
        indent = len(self._lists) * SPACING.wide + self._quotes * SPACING.large
        rows = sum(token.type == "tr_open" for token in tokens)
        columns = sum(token.type == "th_open" for token in tokens)
        if not self._is_at_empty:
            self._cursor.insertBlock(formatting.hidden_block(), QTextCharFormat())
        table = self._cursor.insertTable(
            rows, columns, formatting.table_format(self._colors, indent)
        )
        place, alignment = 0, None
        for token in tokens:
            if token.type in ("th_open", "td_open"):
                alignment = _ALIGNMENTS.get(str(token.attrs.get("style")))
            elif token.type == "inline":
                cell = table.cellAt(*divmod(place, columns))
                letters = QTextCharFormat()
                if place < columns:
                    cell.setFormat(formatting.header_cell(self._colors))
                    letters = formatting.strong()
                inside = cell.firstCursorPosition()
                inside.setBlockFormat(formatting.cell_block(alignment))
                self._inline.write(inside, token.children or [], letters, is_cell=True)
                place += 1
        self._cursor.movePosition(QTextCursor.MoveOperation.End)
        self._is_at_empty = True
