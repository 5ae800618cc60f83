"""Write the text of a paragraph or cell: words, code, links and formulas."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from markdown_it.token import Token
from PySide6.QtGui import QTextCharFormat, QTextCursor

from app.gui.markdown import formatting
from app.gui.theme.tokens import Colors

_LINE_BREAK = "\u2028"
# HTML is shown as text except for this: cells have no other way to break a line.
_CELL_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)


class InlineWriter:
    """Writes the pieces of a line at a cursor.

    Args:
        colors: of the theme.
        image_words: the text that replaces an image, with `{name}` in it.

    Attributes:
        has_links: a link was written.
    """

    def __init__(self, colors: Colors, image_words: str) -> None:
        self._colors = colors
        self._image_words = image_words
        self.has_links = False
        self._code = formatting.inline_code(colors)
        self._opened: dict[str, Callable[[Token], QTextCharFormat]] = {
            "strong_open": lambda _: formatting.strong(),
            "em_open": lambda _: formatting.emphasized(),
            "s_open": lambda _: formatting.strikethrough(),
            "link_open": lambda token: self._link(str(token.attrs["href"])),
        }

    def write(
        self,
        cursor: QTextCursor,
        pieces: Sequence[Token],
        base: QTextCharFormat,
        *,
        is_cell: bool = False,
    ) -> None:
        """Insert the pieces; `base` is the format of those without their own."""
        formats = [base]
        for piece in pieces:
            if piece.nesting > 0:
                formats.append(_merged(formats[-1], self._opened[piece.type](piece)))
            elif piece.nesting < 0:
                formats.pop()
            else:
                text, own = self._text_of(piece, is_cell=is_cell)
                given = formats[-1] if own is None else _merged(formats[-1], own)
                cursor.insertText(text.replace("\n", _LINE_BREAK), given)

    def _text_of(self, piece: Token, *, is_cell: bool) -> tuple[str, QTextCharFormat | None]:
        match piece.type:
            case "softbreak" | "hardbreak":
                return _LINE_BREAK, None
            case "code_inline":
                return piece.content, self._code
            case "formula":
                return piece.content, formatting.code()
            case "image":
                address = str(piece.attrs["src"])
                words = self._image_words.replace("{name}", piece.content or address)
                return words, self._link(address)
            case _ if is_cell:
                return _CELL_BREAK.sub(_LINE_BREAK, piece.content), None
            case _:
                return piece.content, None

    def _link(self, address: str) -> QTextCharFormat:
        self.has_links = True
        return formatting.link(self._colors, address)


def _merged(given: QTextCharFormat, other: QTextCharFormat) -> QTextCharFormat:
    both = QTextCharFormat(given)
    both.merge(other)
    return both
