"""The formats of laid-out Markdown: line height, headings, inline code, tables, quotes."""

from __future__ import annotations

from collections.abc import Iterator

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
    QTextFragment,
    QTextFrameFormat,
    QTextTable,
)

from app.gui.theme.fonts import code_font
from app.gui.theme.tokens import LINE_HEIGHT_PERCENT, SIZE, SPACING, TYPE, WEIGHT_STRONG, Colors

_PROPORTIONAL = QTextBlockFormat.LineHeightTypes.ProportionalHeight.value
_SINGLE = QTextBlockFormat.LineHeightTypes.SingleHeight.value
_HEADINGS = {1: TYPE.title, 2: TYPE.heading}
_KEEP = QTextCursor.MoveMode.KeepAnchor
_Property = QTextFormat.Property


def dress_plain(document: QTextDocument) -> None:
    """Give plain text the line height of prose."""
    cursor = QTextCursor(document)
    cursor.select(QTextCursor.SelectionType.Document)
    cursor.mergeBlockFormat(_block_look(0))


def dress_markdown(document: QTextDocument, colors: Colors, image_words: str) -> None:
    """Give a freshly parsed document its look.

    Args:
        document: as `QTextDocument.setMarkdown` leaves it.
        colors: of the theme.
        image_words: what stands in place of an image, with `{name}` in it.
    """
    cursor = QTextCursor(document)
    cursor.beginEditBlock()
    cursor.select(QTextCursor.SelectionType.Document)
    cursor.mergeBlockFormat(_block_look(SPACING.tiny))
    for table in _tables(document):
        _dress_table(table, colors)
    block = document.begin()
    while block.isValid():
        _dress_block(cursor, block, colors)
        _dress_fragments(cursor, block, colors, image_words)
        block = block.next()
    cursor.endEditBlock()


def _block_look(above: int, below: int | None = None) -> QTextBlockFormat:
    look = QTextBlockFormat()
    look.setLineHeight(LINE_HEIGHT_PERCENT, _PROPORTIONAL)
    look.setTopMargin(above)
    look.setBottomMargin(above if below is None else below)
    return look


def _tables(document: QTextDocument) -> Iterator[QTextTable]:
    frames = list(document.rootFrame().childFrames())
    while frames:
        frame = frames.pop()
        frames.extend(frame.childFrames())
        if isinstance(frame, QTextTable):
            yield frame


def _dress_block(cursor: QTextCursor, block: QTextBlock, colors: Colors) -> None:
    given = block.blockFormat()
    level = given.headingLevel()
    quotes = given.intProperty(_Property.BlockQuoteLevel)
    if level:
        look = _block_look(SPACING.medium, SPACING.tiny)
    elif _is_code(given):
        look = _block_look(0)
        look.setBackground(QColor(colors.code_ground))
    elif quotes:
        look = _block_look(SPACING.tiny)
        look.setLeftMargin(quotes * SPACING.large)
    elif block.textList() is not None:
        look = _block_look(SPACING.tiny // 2)
    else:
        return
    cursor.setPosition(block.position())
    cursor.mergeBlockFormat(look)
    if quotes and not level:
        cursor.movePosition(QTextCursor.MoveOperation.EndOfBlock, _KEEP)
        cursor.mergeCharFormat(_quote(colors))


def _is_code(given: QTextBlockFormat) -> bool:
    return given.nonBreakableLines() and given.hasProperty(_Property.BlockCodeLanguage)


def _heading(given: QTextCharFormat, level: int) -> QTextCharFormat:
    look = QTextCharFormat(given)
    # Qt's own step in size would win over ours.
    look.clearProperty(_Property.FontSizeAdjustment)
    look.setProperty(_Property.FontPixelSize, _HEADINGS.get(level, TYPE.body))
    look.setFontWeight(QFont.Weight(WEIGHT_STRONG))
    return look


def _quote(colors: Colors) -> QTextCharFormat:
    look = QTextCharFormat()
    look.setForeground(QBrush(QColor(colors.muted)))
    return look


def _fragments(block: QTextBlock) -> Iterator[QTextFragment]:
    iterator = block.begin()
    while not iterator.atEnd():
        yield iterator.fragment()
        iterator += 1


def _dress_fragments(
    cursor: QTextCursor, block: QTextBlock, colors: Colors, image_words: str
) -> None:
    level = block.blockFormat().headingLevel()
    # From the end on, so that words in place of an image move nothing that is still to come.
    for fragment in reversed(list(_fragments(block))):
        given = fragment.charFormat()
        is_code = given.fontFixedPitch() or bool(given.fontFamilies())
        if not (level or is_code or given.isImageFormat() or given.isAnchor()):
            continue
        cursor.setPosition(fragment.position())
        cursor.setPosition(fragment.position() + fragment.length(), _KEEP)
        if given.isImageFormat():
            name = given.stringProperty(_Property.ImageAltText) or given.toImageFormat().name()
            cursor.insertText(image_words.replace("{name}", name), _quote(colors))
            continue
        if level:
            cursor.setCharFormat(_heading(given, level))
        if is_code or given.isAnchor():
            cursor.mergeCharFormat(_inline_code(colors) if is_code else _link(colors))


def _inline_code(colors: Colors) -> QTextCharFormat:
    look = QTextCharFormat()
    look.setFontFamilies(code_font().families())
    look.setBackground(QBrush(QColor(colors.hover)))
    return look


def _link(colors: Colors) -> QTextCharFormat:
    look = QTextCharFormat()
    look.setForeground(QBrush(QColor(colors.accent)))
    look.setFontUnderline(True)
    return look


def _dress_table(table: QTextTable, colors: Colors) -> None:
    look = table.format()
    look.setBorder(SIZE.hairline)
    look.setBorderBrush(QBrush(QColor(colors.line)))
    look.setBorderStyle(QTextFrameFormat.BorderStyle.BorderStyle_Solid)
    look.setBorderCollapse(True)
    look.setCellSpacing(0)
    look.setCellPadding(SPACING.small - SIZE.focus)
    look.setTopMargin(SPACING.small)
    look.setBottomMargin(SPACING.small)
    look.setHeaderRowCount(1)
    table.setFormat(look)
    _drop_empty_line(table)
    cursor = table.firstCursorPosition()
    cursor.setPosition(table.lastPosition(), _KEEP)
    dense = _block_look(0)
    dense.setLineHeight(0, _SINGLE)
    cursor.mergeBlockFormat(dense)
    for column in range(table.columns()):
        _dress_header(table, column, colors)


def _drop_empty_line(table: QTextTable) -> None:
    """Qt's reader leaves an empty line in the first cell."""
    cell = table.cellAt(0, 0)
    cursor = cell.firstCursorPosition()
    if not cursor.block().text() and cursor.position() < cell.lastPosition():
        cursor.deleteChar()


def _dress_header(table: QTextTable, column: int, colors: Colors) -> None:
    shaded, strong, aligned = QTextCharFormat(), QTextCharFormat(), QTextBlockFormat()
    shaded.setBackground(QBrush(QColor(colors.hover)))
    strong.setFontWeight(QFont.Weight(WEIGHT_STRONG))
    if table.rows() > 1:
        below = table.cellAt(1, column).firstCursorPosition().blockFormat()
        aligned.setAlignment(below.alignment())
    cell = table.cellAt(0, column)
    cell.setFormat(shaded)
    cursor = cell.firstCursorPosition()
    cursor.setPosition(cell.lastPosition(), _KEEP)
    cursor.mergeCharFormat(strong)
    cursor.mergeBlockFormat(aligned)


def quoted_blocks(document: QTextDocument) -> Iterator[QTextBlock]:
    """The blocks that stand in a quotation."""
    block = document.begin()
    while block.isValid():
        if block.blockFormat().intProperty(_Property.BlockQuoteLevel):
            yield block
        block = block.next()
