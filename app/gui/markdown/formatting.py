"""Formats of laid-out Markdown: line height, headings, inline code, tables, quotes."""

from __future__ import annotations

from collections.abc import Iterator

from PySide6.QtCore import Qt
from PySide6.QtGui import (
    QBrush,
    QColor,
    QFont,
    QTextBlock,
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
    QTextFormat,
    QTextFrameFormat,
    QTextLength,
    QTextListFormat,
    QTextTableFormat,
)

from app.gui.theme.fonts import code_font, scaled
from app.gui.theme.tokens import LINE_HEIGHT_PERCENT, SIZE, SPACING, TYPE, WEIGHT_STRONG, Colors

_PROPORTIONAL = QTextBlockFormat.LineHeightTypes.ProportionalHeight.value
_SINGLE = QTextBlockFormat.LineHeightTypes.SingleHeight.value
_FIXED = QTextBlockFormat.LineHeightTypes.FixedHeight.value
_HEADINGS = {1: TYPE.title, 2: TYPE.heading}
_BULLETS = (
    QTextListFormat.Style.ListDisc,
    QTextListFormat.Style.ListCircle,
    QTextListFormat.Style.ListSquare,
)
_Property = QTextFormat.Property


def format_plain(document: QTextDocument) -> None:
    """Give plain text the line height of prose."""
    cursor = QTextCursor(document)
    cursor.select(QTextCursor.SelectionType.Document)
    cursor.mergeBlockFormat(block_format(0))


def block_format(above: int = SPACING.tiny, below: int | None = None) -> QTextBlockFormat:
    """Return the format of a paragraph with these margins above and below, in pixels."""
    given = QTextBlockFormat()
    given.setLineHeight(LINE_HEIGHT_PERCENT, _PROPORTIONAL)
    given.setTopMargin(above)
    given.setBottomMargin(above if below is None else below)
    return given


def heading_block(level: int) -> QTextBlockFormat:
    """Return the block format of a heading of level 1 to 6."""
    given = block_format(SPACING.wide, SPACING.tiny)
    given.setHeadingLevel(level)
    return given


def code_block(colors: Colors) -> QTextBlockFormat:
    """Return the format of a line of code within prose."""
    given = block_format(0)
    given.setNonBreakableLines(True)
    given.setBackground(QColor(colors.code_ground))
    return given


def rule_block(colors: Colors) -> QTextBlockFormat:
    """Return the format of a rule across the page."""
    given = block_format(0)
    width = QTextLength(QTextLength.Type.PercentageLength, 100)
    given.setProperty(_Property.BlockTrailingHorizontalRulerWidth, width)
    given.setBackground(QColor(colors.line))
    return given


def cell_block(alignment: Qt.AlignmentFlag | None) -> QTextBlockFormat:
    """Return the format of a table cell, aligned by the direction of its text by default."""
    given = block_format(0)
    given.setLineHeight(0, _SINGLE)
    if alignment is not None:
        given.setAlignment(alignment)
    return given


def hidden_block() -> QTextBlockFormat:
    """Return a format of minimal height for the line that Qt requires beside a table."""
    given = block_format(0)
    given.setLineHeight(1, _FIXED)
    return given


def mark_task(given: QTextBlockFormat, *, is_done: bool) -> None:
    """Mark a block as a task; since Qt draws checkboxes only in lists, `tasks` draws them."""
    marker = QTextBlockFormat.MarkerType
    given.setMarker(marker.Checked if is_done else marker.Unchecked)


def bullet() -> QTextCharFormat:
    """Return the format of a bullet, which Qt puts before the text at a distance of one space."""
    # The space of a proportional font is so narrow that the bullet would touch the text.
    return code()


def quote_block(given: QTextBlockFormat, depth: int) -> None:
    """Put a block into this many nested quotations."""
    if depth:
        given.setProperty(_Property.BlockQuoteLevel, depth)
        given.setLeftMargin(depth * SPACING.large)


def quoted_blocks(document: QTextDocument) -> Iterator[QTextBlock]:
    """Return the blocks that are in a quotation."""
    block = document.begin()
    while block.isValid():
        if block.blockFormat().intProperty(_Property.BlockQuoteLevel):
            yield block
        block = block.next()


def bullets(depth: int) -> QTextListFormat:
    """Return the format of a bullet list at a depth of 1 or more."""
    given = QTextListFormat()
    given.setStyle(_BULLETS[(depth - 1) % len(_BULLETS)])
    given.setIndent(depth)
    return given


def numbers(depth: int, start: int, suffix: str) -> QTextListFormat:
    """Return the format of a list that counts from `start`, with `.` or `)` after each number."""
    given = QTextListFormat()
    given.setStyle(QTextListFormat.Style.ListDecimal)
    given.setNumberSuffix(suffix)
    given.setStart(start)
    given.setIndent(depth)
    return given


def table_format(colors: Colors, indent: int) -> QTextTableFormat:
    """Return the format of a table, `indent` pixels from the left."""
    given = QTextTableFormat()
    given.setBorder(SIZE.hairline)
    given.setBorderBrush(QBrush(QColor(colors.line)))
    given.setBorderStyle(QTextFrameFormat.BorderStyle.BorderStyle_Solid)
    given.setBorderCollapse(True)
    given.setCellSpacing(0)
    given.setCellPadding(SPACING.small - SIZE.focus)
    given.setTopMargin(SPACING.small)
    given.setBottomMargin(SPACING.small)
    given.setLeftMargin(indent)
    given.setHeaderRowCount(1)
    return given


def header_cell(colors: Colors) -> QTextCharFormat:
    """Return the background of a table's header."""
    given = QTextCharFormat()
    given.setBackground(QBrush(QColor(colors.hover)))
    return given


def heading(level: int) -> QTextCharFormat:
    """Return the character format of a heading."""
    given = strong()
    given.setProperty(_Property.FontPixelSize, scaled(_HEADINGS.get(level, TYPE.body)))
    return given


def strong() -> QTextCharFormat:
    """Return the character format of strong text."""
    given = QTextCharFormat()
    given.setFontWeight(QFont.Weight(WEIGHT_STRONG))
    return given


def emphasized() -> QTextCharFormat:
    """Return the character format of emphasized text."""
    given = QTextCharFormat()
    given.setFontItalic(True)
    return given


def strikethrough() -> QTextCharFormat:
    """Return the character format of struck-through text."""
    given = QTextCharFormat()
    given.setFontStrikeOut(True)
    return given


def quote(colors: Colors) -> QTextCharFormat:
    """Return the character format of a quotation."""
    given = QTextCharFormat()
    given.setForeground(QBrush(QColor(colors.muted)))
    return given


def code() -> QTextCharFormat:
    """Return the character format of code and formulas."""
    given = QTextCharFormat()
    given.setFontFamilies(code_font().families())
    return given


def inline_code(colors: Colors) -> QTextCharFormat:
    """Return the character format of code within a sentence."""
    given = code()
    given.setBackground(QBrush(QColor(colors.hover)))
    return given


def link(colors: Colors, address: str) -> QTextCharFormat:
    """Return the character format of a link."""
    given = QTextCharFormat()
    given.setAnchor(True)
    given.setAnchorHref(address)
    given.setForeground(QBrush(QColor(colors.accent)))
    given.setFontUnderline(True)
    return given
