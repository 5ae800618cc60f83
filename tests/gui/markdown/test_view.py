"""Markdown on the screen: nothing is loaded, nothing freezes, what is copied is exact."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, Qt, QUrl
from PySide6.QtGui import QColor, QGuiApplication, QImage, QTextCursor
from PySide6.QtWidgets import QApplication, QPlainTextEdit, QScrollArea
from pytestqt.qtbot import QtBot

from app.gui.markdown.code import CodeBlock
from app.gui.markdown.prose import ProseView
from app.gui.markdown.view import MarkdownView
from app.gui.theme.theme import Theme
from app.gui.widgets.copy_button import CopyButton
from tests.gui.gallery import MARKDOWN
from tests.gui.markdown.hostile import hostile_inputs


@pytest.fixture
def view(theme: Theme, qtbot: QtBot) -> Iterator[MarkdownView]:
    area = QScrollArea()
    qtbot.addWidget(area)
    made = MarkdownView(theme, "Reply")
    area.setWidget(made)
    area.setWidgetResizable(True)
    area.resize(760, 400)
    area.show()
    yield made
    area.deleteLater()


def shown_text(view: MarkdownView) -> str:
    return "\n".join(prose.toPlainText() for prose in view.findChildren(ProseView))


class Watched(ProseView):
    """Notes what Qt asks for, and what it gets."""

    def __init__(self, theme: Theme) -> None:
        self.answers: list[object] = []
        super().__init__(theme)

    def loadResource(self, kind: int, name: QUrl | str) -> object:  # noqa: N802 - Qt's name
        answer = super().loadResource(kind, name)
        self.answers.append(answer)
        return answer


def test_nothing_is_loaded(theme: Theme, qtbot: QtBot, tmp_path: Path) -> None:
    fifo, picture = tmp_path / "fifo", tmp_path / "red.png"
    if hasattr(os, "mkfifo"):
        os.mkfifo(fifo)
    red = QImage(60, 60, QImage.Format.Format_RGB32)
    red.fill(QColor("red"))
    assert red.save(str(picture))
    inputs = hostile_inputs(fifo.as_posix(), picture.as_posix())
    assert len(inputs) == 200
    for source in inputs:
        prose = Watched(theme)
        qtbot.addWidget(prose)
        prose.resize(400, 100)
        prose.show_markdown(source)
        prose.show()
        drawn = prose.grab().toImage()
        assert "\ufffc" not in prose.toPlainText(), source
        assert not any(
            drawn.pixelColor(x, y) == QColor("red")
            for x in range(0, drawn.width(), 9)
            for y in range(0, drawn.height(), 9)
        ), source
        for answer in prose.answers:
            assert answer == b"" or (isinstance(answer, QImage) and answer.width() == 1), source


@pytest.mark.parametrize("kind", range(6))
def test_whatever_is_asked_for_is_nothing(theme: Theme, qtbot: QtBot, kind: int) -> None:
    prose = ProseView(theme)
    qtbot.addWidget(prose)
    for name in ("file:///etc/passwd", "http://127.0.0.1:9/x", ":/x", "data:text/css,x"):
        answer = prose.loadResource(kind, QUrl(name))
        assert answer == b"" or answer.size().width() == 1
    assert prose.document().resource(3, QUrl("file:///etc/passwd")) in (None, b"")


def test_html_is_shown_as_it_is_written(view: MarkdownView) -> None:
    view.set_text('<h1>Big</h1> <b onclick="x">bold</b>')
    assert '<h1>Big</h1> <b onclick="x">bold</b>' in shown_text(view)


def test_only_web_and_mail_links_are_told(theme: Theme, qtbot: QtBot) -> None:
    prose = ProseView(theme)
    qtbot.addWidget(prose)
    prose.show_markdown("[a](https://example.org/x) [b](file:///etc/passwd)")
    with qtbot.waitSignal(prose.link_clicked) as blocker:
        prose.anchorClicked.emit(QUrl("https://example.org/x"))
    assert blocker.args == [QUrl("https://example.org/x")]
    with qtbot.assertNotEmitted(prose.link_clicked):
        prose.anchorClicked.emit(QUrl("file:///etc/passwd"))
        prose.anchorClicked.emit(QUrl("javascript:alert(1)"))
    assert not prose.openLinks()
    assert not prose.openExternalLinks()


def test_copy_gives_the_exact_code(view: MarkdownView, qtbot: QtBot) -> None:
    code = "def f():\n\treturn '\u202e'  # é 😀\n\n\n    x"
    view.set_text(f"Here:\n\n```python\n{code}\n```\n")
    block = view.findChild(CodeBlock)
    with qtbot.waitSignal(block.findChild(CopyButton).copied):
        block.findChild(CopyButton).click()
    assert QGuiApplication.clipboard().text() == block.text == code


def test_selected_code_is_copied_exactly(view: MarkdownView) -> None:
    view.set_text("```\n😀 a\u202eb\ncd\n```")
    area = view.findChild(CodeBlock).findChild(QPlainTextEdit)
    assert "[U+202E]" in area.toPlainText()
    area.selectAll()
    assert area.createMimeDataFromSelection().text() == "😀 a\u202eb\ncd"
    cursor = area.textCursor()
    cursor.setPosition(3)
    cursor.setPosition(area.document().characterCount() - 2, QTextCursor.MoveMode.KeepAnchor)
    area.setTextCursor(cursor)
    assert area.createMimeDataFromSelection().text() == "a\u202eb\nc"


def test_code_has_the_colors_of_its_language(view: MarkdownView, theme: Theme) -> None:
    view.set_text("```python\nif x:  # note\n```")
    document = view.findChild(CodeBlock).findChild(QPlainTextEdit).document()
    tints = {
        span.format.foreground().color().name() for span in document.firstBlock().layout().formats()
    }
    assert {theme.colors.code.keyword.lower(), theme.colors.code.comment.lower()} <= tints


def test_long_code_is_colored_once_it_rests(view: MarkdownView, qtbot: QtBot) -> None:
    view.set_text("```python\n" + "if x:\n    pass\n" * 400 + "```")
    document = view.findChild(CodeBlock).findChild(QPlainTextEdit).document()
    qtbot.waitUntil(lambda: bool(document.firstBlock().layout().formats()))


@pytest.mark.parametrize("language", ["nonsense", "", "<b>", "c++", "PYTHON", "x" * 500])
def test_any_language_name_is_shown(view: MarkdownView, language: str) -> None:
    view.set_text(f"```{language}\nx = 1\n```")
    assert view.findChild(CodeBlock).text == "x = 1"


def test_code_is_as_high_as_its_lines(view: MarkdownView) -> None:
    heights = []
    for lines in (1, 2, 11):
        view.set_text("```\n" + "x\n" * lines + "```")
        area = view.findChild(CodeBlock).findChild(QPlainTextEdit)
        QApplication.processEvents()
        heights.append(area.height())
        assert area.verticalScrollBar().maximum() == 0
    line = heights[1] - heights[0]
    assert heights[2] == pytest.approx(heights[0] + 10 * line, abs=2)


@pytest.mark.parametrize("seed", range(5))
def test_streamed_text_ends_up_like_text_given_at_once(
    theme: Theme, view: MarkdownView, qtbot: QtBot, seed: int
) -> None:
    chance = random.Random(seed)
    text = (MARKDOWN * 3)[: chance.randrange(1000, 3500)]
    whole = MarkdownView(theme, "Reply")
    qtbot.addWidget(whole)
    whole.set_text(text)
    place = 0
    while place < len(text):
        step = chance.randrange(1, 40)
        view.append(text[place : place + step])
        place += step
    qtbot.waitUntil(lambda: shown_text(view) == shown_text(whole))
    codes = [block.text for block in whole.findChildren(CodeBlock)]
    qtbot.waitUntil(lambda: [b.text for b in live(view)] == codes)
    assert view.text == text


def live(view: MarkdownView) -> list[CodeBlock]:
    return [block for block in view.findChildren(CodeBlock) if not block.isHidden()]


def test_what_is_settled_is_not_laid_out_again(view: MarkdownView) -> None:
    paragraph = "word " * 500
    view.set_text(f"{paragraph}\n\n" * 4)
    first = view.findChildren(ProseView)[0]
    first.document().setProperty("mark", "kept")
    place = QTextCursor(first.document())
    place.insertText("untouched ")
    view.append(f"{paragraph}\n\n" * 2)
    assert first.toPlainText().startswith("untouched ")


@pytest.mark.parametrize(
    ("source", "most_blocks"),
    [
        ("a" * 1_000_000, 101),
        ("> " * 20_000 + "x", 1),
        ("| a | b |\n|---|---|\n" + "| 1 | 2 |\n" * 10_000, 2),
        ("```\n" + "x = 1\n" * 100_000, 1),
        ("```\nx\n```\n" * 3_000, 130),
    ],
    ids=["line", "quotes", "table", "code", "fences"],
)
def test_huge_text_comes_in_steps(
    view: MarkdownView, qtbot: QtBot, source: str, most_blocks: int, record_property
) -> None:
    longest = 0.0
    over: list[bool] = []
    view.settled.connect(lambda: over.append(True))
    began = time.perf_counter()
    view.set_text(source)
    while not over:
        longest = max(longest, time.perf_counter() - began)
        began = time.perf_counter()
        QApplication.processEvents()
    record_property("longest_gap_milliseconds", longest * 1000)
    children = view.findChildren(ProseView) + view.findChildren(CodeBlock)
    assert 1 <= len(children) <= most_blocks
    assert view.text == source


def test_streaming_keeps_the_event_loop_free(
    view: MarkdownView, qtbot: QtBot, record_property
) -> None:
    text = (MARKDOWN * 9)[:10_000]
    gaps = []
    for place in range(0, len(text), 27):
        began = time.perf_counter()
        view.append(text[place : place + 27])
        QApplication.processEvents()
        gaps.append((time.perf_counter() - began) * 1000)
    gaps.sort()
    record_property("median_milliseconds", gaps[len(gaps) // 2])
    record_property("p99_milliseconds", gaps[len(gaps) * 99 // 100])
    assert view.text == text


def test_what_is_thrown_away_is_gone(theme: Theme, qtbot: QtBot) -> None:
    def count() -> int:
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        return len(QApplication.allWidgets())

    before = count()
    view = MarkdownView(theme, "Reply")
    view.set_text(MARKDOWN)
    assert count() > before + 5
    view.set_text("")
    assert count() <= before + 2
    view.set_text(MARKDOWN)
    view.deleteLater()
    assert count() == before


def test_the_theme_reaches_what_is_shown(view: MarkdownView, theme: Theme) -> None:
    view.set_text("`code` and [link](https://example.org)")
    prose = view.findChild(ProseView)

    def link_color() -> str:
        cursor = prose.textCursor()
        cursor.movePosition(QTextCursor.MoveOperation.End)
        return cursor.charFormat().foreground().color().name().upper()

    assert link_color() == theme.colors.accent
    light = theme.colors.accent
    theme.choose("dark")
    assert link_color() == theme.colors.accent != light
    theme.choose("light")


def test_headings_have_the_sizes_of_the_scale(view: MarkdownView) -> None:
    view.set_text("# One\n\n## Two\n\n### Three\n\ntext")
    block = view.findChild(ProseView).document().begin()
    sizes = []
    while block.isValid():
        cursor = QTextCursor(block)
        cursor.movePosition(QTextCursor.MoveOperation.Right)
        sizes.append(cursor.charFormat().font().pixelSize())
        block = block.next()
    assert sizes[:3] == [18, 16, 14]


def test_text_can_be_selected_and_is_copied_without_colors(view: MarkdownView) -> None:
    view.set_text("Some **bold** words")
    prose = view.findChild(ProseView)
    assert prose.textInteractionFlags() & Qt.TextInteractionFlag.TextSelectableByMouse
    prose.selectAll()
    data = prose.createMimeDataFromSelection()
    assert data.text() == "Some bold words"
    assert not data.hasHtml()


def test_copied_text_keeps_its_numbers_and_bullets(view: MarkdownView) -> None:
    view.set_text("Do\n\n3. one 😀\n   - two  \n     lines\n4. $x^*$\n\n- [x] done")
    prose = view.findChild(ProseView)
    prose.selectAll()
    assert prose.createMimeDataFromSelection().text() == (
        "Do\n3. one 😀\n  - two\nlines\n4. $x^*$\n[x] done"
    )
    cursor = prose.textCursor()
    cursor.setPosition(4)
    cursor.setPosition(12, QTextCursor.MoveMode.KeepAnchor)
    prose.setTextCursor(cursor)
    assert prose.createMimeDataFromSelection().text() == "ne 😀\n  - tw"


@pytest.mark.parametrize(
    ("source", "takes_focus"),
    [("plain", False), ("https://x.org", True), ("[a](https://x.org)", True), ("`](` a", False)],
)
def test_the_keyboard_reaches_text_with_links(
    view: MarkdownView, source: str, takes_focus: bool
) -> None:
    view.set_text(source)
    policy = view.findChild(ProseView).focusPolicy()
    assert (policy == Qt.FocusPolicy.StrongFocus) is takes_focus


def test_paragraphs_have_one_distance_also_where_the_text_is_cut(
    view: MarkdownView, qtbot: QtBot
) -> None:
    view.set_text("\n\n".join(["A paragraph of words."] * 200))
    pieces = view.findChildren(ProseView)
    assert len(pieces) > 1
    lines: list[float] = []

    def distances() -> set[float]:
        lines.clear()
        for piece in pieces:
            block = piece.document().begin()
            while block.isValid():
                layout = block.layout()
                lines.append(piece.y() + layout.position().y() + layout.lineAt(0).y())
                block = block.next()
        return {round(after - before) for before, after in pairwise(lines)}

    qtbot.waitUntil(lambda: len(distances()) == 1)
