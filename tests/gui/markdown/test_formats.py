"""How Markdown looks: which letters are strong, slanted, strikethrough, linked or code."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import (
    QFont,
    QFontMetrics,
    QTextBlockFormat,
    QTextDocument,
    QTextFormat,
    QTextTable,
)
from PySide6.QtWidgets import QApplication

from app.gui.markdown.document_writer import write_markdown
from app.gui.markdown.tasks import task_blocks
from app.gui.theme.theme import Theme


@pytest.fixture
def document(theme: Theme, qapp: QApplication) -> QTextDocument:
    return QTextDocument()


def marks_of(document: QTextDocument, theme: Theme, source: str) -> dict[str, set[str]]:
    """The marks of each piece of text that has any."""
    write_markdown(document, source, theme.colors, "[image: {name}]")
    found: dict[str, set[str]] = {}
    block = document.begin()
    while block.isValid():
        pieces = block.begin()
        while not pieces.atEnd():
            given = pieces.fragment().charFormat()
            marks = {
                "strong": given.fontWeight() >= 600,
                "slanted": given.fontItalic(),
                "strikethrough": given.fontStrikeOut(),
                "underlined": given.fontUnderline(),
                "code": bool(given.fontFamilies()),
            }
            if any(marks.values()):
                found[pieces.fragment().text()] = {name for name, on in marks.items() if on}
            pieces += 1
        block = block.next()
    return found


@pytest.mark.parametrize(
    ("source", "marks"),
    [
        ("An _emphasized_ and *slanted* word", {"emphasized": {"slanted"}, "slanted": {"slanted"}}),
        ("A __strong__ and **bold** word", {"strong": {"strong"}, "bold": {"strong"}}),
        ("***both***, ~~gone~~", {"both": {"strong", "slanted"}, "gone": {"strikethrough"}}),
        ("**a `b` c**", {"a ": {"strong"}, "b": {"strong", "code"}, " c": {"strong"}}),
        ("これは**太字（bold）**です。", {"太字（bold）": {"strong"}}),
        ("**마크다운(Markdown)**은", {"마크다운(Markdown)": {"strong"}}),
        ("a**😀**b **✅ Done**!", {"😀": {"strong"}, "✅ Done": {"strong"}}),
        ("**L**arge **M**odel", {"L": {"strong"}, "M": {"strong"}}),
        ("$x^*_1$ and `y`", {"$x^*_1$": {"code"}, "y": {"code"}}),
        ("the __init__ of snake_case, 2*3*4, 2**8 and 2**9", {}),
        ("$5 to **$10**, US$ 3", {"$10": {"strong"}}),
        ("[a](https://x.org) b", {"a": {"underlined"}}),
        ("see https://x.org/a_b.", {"https://x.org/a_b": {"underlined"}}),
        ("see www.x.org or me@x.org!", {"www.x.org": {"underlined"}, "me@x.org": {"underlined"}}),
        ("[a](x.md) README.md a:b 10:30", {}),
        ("# One `x`", {"One ": {"strong"}, "x": {"strong", "code"}}),
    ],
)
def test_marks(
    document: QTextDocument, theme: Theme, source: str, marks: dict[str, set[str]]
) -> None:
    assert marks_of(document, theme, source) == marks


@pytest.mark.parametrize(
    ("source", "address"),
    [
        ("https://x.org/a_(b)?c=1&d=*2*.", "https://x.org/a_(b)?c=1&d=*2"),
        ("(https://x.org/a)", "https://x.org/a"),
        ("请看https://x.org/页。然后", "https://x.org/页"),
        ("www.x.org", "http://www.x.org"),
        ("me.x+y@x.org", "mailto:me.x+y@x.org"),
        ("<https://x.org/a>", "https://x.org/a"),
        ("![alt](https://x.org/a.png)", "https://x.org/a.png"),
        ("[a](<https://x.org/a b>)", "https://x.org/a%20b"),
        ("[a](file:///etc/passwd)", ""),
        ("[a](https://user@x.org/)", ""),
    ],
)
def test_where_links_lead(document: QTextDocument, theme: Theme, source: str, address: str) -> None:
    write_markdown(document, source, theme.colors, "[image: {name}]")
    addresses = set()
    pieces = document.begin().begin()
    while not pieces.atEnd():
        addresses.add(pieces.fragment().charFormat().anchorHref())
        pieces += 1
    assert addresses - {""} == ({address} - {""})


def test_cells_are_aligned_as_the_table_says(document: QTextDocument, theme: Theme) -> None:
    write_markdown(document, "|A|B|C|\n|---|:-:|--:|\n|1|2|3|", theme.colors, "")
    (table,) = (f for f in document.rootFrame().childFrames() if isinstance(f, QTextTable))
    sides = [
        table.cellAt(row, column).firstCursorPosition().blockFormat().alignment()
        & Qt.AlignmentFlag.AlignHorizontal_Mask
        for row in (0, 1)
        for column in (1, 2)
    ]
    assert sides == [Qt.AlignmentFlag.AlignHCenter, Qt.AlignmentFlag.AlignRight] * 2


def test_tasks_have_boxes(document: QTextDocument, theme: Theme) -> None:
    write_markdown(document, "- [x] a\n- [ ] **b**\n- c", theme.colors, "")
    marker = QTextBlockFormat.MarkerType
    block, markers = document.begin(), []
    while block.isValid():
        markers.append(block.blockFormat().marker())
        block = block.next()
    assert markers == [marker.Checked, marker.Unchecked, marker.NoMarker]


def test_lists_go_as_deep_as_they_are_written(document: QTextDocument, theme: Theme) -> None:
    source = "".join("  " * depth + "- x\n" for depth in range(12))
    write_markdown(document, source, theme.colors, "")
    block, depths = document.begin(), []
    while block.isValid():
        depths.append(block.textList().format().intProperty(QTextFormat.Property.ListIndent))
        block = block.next()
    assert depths == list(range(1, 13))


def test_a_wide_number_has_room(document: QTextDocument, theme: Theme) -> None:
    margins = []
    for source in ("9. a", "1986. a", "123456789. a"):
        write_markdown(document, source, theme.colors, "")
        margins.append(document.begin().blockFormat().leftMargin())
    assert margins[0] == 0 < margins[1] < margins[2]


@pytest.mark.parametrize(
    "source", ["- [x] a", "1. [ ] a\n2. b\n3. [x] c", "- [x] a\n  - [ ] b\n- c"]
)
def test_lists_of_tasks_alone_and_mixed(document: QTextDocument, theme: Theme, source: str) -> None:
    write_markdown(document, source, theme.colors, "")
    marked = len(list(task_blocks(document)))
    assert marked == source.count("[")
    assert document.blockCount() == source.count("\n") + 1


def test_a_bullet_keeps_its_distance(document: QTextDocument, theme: Theme) -> None:
    write_markdown(document, "- a", theme.colors, "")
    mark = document.begin().charFormat().font()
    assert QFontMetrics(mark).horizontalAdvance(" ") > QFontMetrics(QFont()).horizontalAdvance(" ")
