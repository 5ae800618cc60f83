"""Color source code."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator

from pygments import lex
from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name
from pygments.token import Comment, Keyword, Name, Number, Operator, String, _TokenType
from pygments.util import ClassNotFound
from PySide6.QtGui import QColor, QSyntaxHighlighter, QTextCharFormat, QTextDocument

from app.gui.theme.tokens import Colors

LONGEST_HIGHLIGHTED = 20_000

_Span = tuple[int, int, QTextCharFormat]
"""Position and length within a line in UTF-16 units, as Qt counts, and the format."""


class Highlighter(QSyntaxHighlighter):
    """Colors a document by language, and highlights the marks of hidden characters."""

    def __init__(self, document: QTextDocument, colors: Colors) -> None:
        super().__init__(document)
        self._colors = colors
        self._lines: list[list[_Span]] = []

    def set_colors(self, colors: Colors) -> None:
        """Set the colors for the next `show_colors`."""
        self._colors = colors

    def show_colors(self, shown: str, language: str, marks: Iterable[tuple[int, int]]) -> None:
        """Color the document.

        Args:
            shown: the text of the document.
            language: the name that the model gave.
            marks: position and length of the marks in it, in characters.
        """
        lexer = _lexer(language) if len(shown) <= LONGEST_HIGHLIGHTED else None
        self._lines = _spans_by_line(self._tokens(shown, lexer)) if lexer else []
        self._mark(shown, marks)
        self.rehighlight()

    def highlightBlock(self, text: str) -> None:  # noqa: ARG002 - Qt's signature
        """Apply the formats of a line; Qt calls this for each one."""
        number = self.currentBlock().blockNumber()
        if number < len(self._lines):
            for place, length, look in self._lines[number]:
                self.setFormat(place, length, look)

    def _tokens(self, shown: str, lexer: Lexer) -> Iterator[tuple[str, QTextCharFormat | None]]:
        looks = _looks(self._colors)
        for kind, value in lex(shown, lexer):
            yield value, _look_of(kind, looks)

    def _mark(self, shown: str, marks: Iterable[tuple[int, int]]) -> None:
        look = QTextCharFormat()
        look.setForeground(QColor(self._colors.code.mark))
        look.setBackground(QColor(self._colors.danger_surface))
        for place, length in marks:
            line = shown.count("\n", 0, place)
            begin = shown.rfind("\n", 0, place) + 1
            self._lines.extend([] for _ in range(line + 1 - len(self._lines)))
            self._lines[line].append((_qt_length(shown[begin:place]), length, look))


@functools.lru_cache(maxsize=32)
def _lexer(language: str) -> Lexer | None:
    try:
        return get_lexer_by_name(language.lower(), stripnl=False, ensurenl=False)
    except ClassNotFound:
        return None


@functools.lru_cache(maxsize=2)
def _looks(colors: Colors) -> dict[_TokenType, QTextCharFormat]:
    code = colors.code
    tints = {
        Comment: code.comment,
        Keyword: code.keyword,
        Operator.Word: code.keyword,
        String: code.string,
        Number: code.number,
        Name.Function: code.name,
        Name.Class: code.kind,
        Name.Decorator: code.name,
        Name.Builtin: code.kind,
        Name.Tag: code.keyword,
        Name.Attribute: code.name,
    }
    looks = {}
    for kind, tint in tints.items():
        look = QTextCharFormat()
        look.setForeground(QColor(tint))
        looks[kind] = look
    return looks


def _look_of(kind: _TokenType, looks: dict[_TokenType, QTextCharFormat]) -> QTextCharFormat | None:
    nearest: _TokenType | None = kind
    while nearest is not None:
        if nearest in looks:
            return looks[nearest]
        nearest = nearest.parent
    return None


def _spans_by_line(tokens: Iterable[tuple[str, QTextCharFormat | None]]) -> list[list[_Span]]:
    lines: list[list[_Span]] = [[]]
    place = 0
    for value, look in tokens:
        for index, part in enumerate(value.split("\n")):
            if index:
                lines.append([])
                place = 0
            length = _qt_length(part)
            if look is not None and length:
                lines[-1].append((place, length, look))
            place += length
    return lines


def _qt_length(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2
