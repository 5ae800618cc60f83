"""Copy laid-out text, with the numbers and bullets of its lists."""

from __future__ import annotations

from PySide6.QtGui import QTextBlock, QTextBlockFormat, QTextCursor

_LINE_BREAK = "\u2028"
_Marker = QTextBlockFormat.MarkerType
_BOXES = {_Marker.Checked: "[x]", _Marker.Unchecked: "[ ]"}


def selected_text(selected: QTextCursor) -> str:
    """Return the selected text as plain text, with a line for each paragraph, item or cell."""
    begin, end = selected.selectionStart(), selected.selectionEnd()
    piece = QTextCursor(selected)
    block = selected.document().findBlock(begin)
    lines = []
    while block.isValid() and block.position() <= end:
        piece.setPosition(max(begin, block.position()))
        last = block.position() + block.length() - 1
        piece.setPosition(min(end, last), QTextCursor.MoveMode.KeepAnchor)
        mark = _mark(block) if block.position() >= begin else ""
        lines.append(mark + piece.selectedText().replace(_LINE_BREAK, "\n"))
        block = block.next()
    return "\n".join(lines)


def _mark(block: QTextBlock) -> str:
    given, listing = block.blockFormat(), block.textList()
    if box := _BOXES.get(given.marker()):
        return f"{'  ' * (given.indent() - 1)}{box} "
    if listing is None:
        return ""
    number = listing.itemText(block)
    mark = number if number[:1].isdigit() else "-"
    return f"{'  ' * (listing.format().indent() - 1)}{mark} "
