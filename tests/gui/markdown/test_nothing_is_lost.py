"""Each character of a reply that is no markup is seen, in order, even while the reply grows."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from PySide6.QtGui import QGuiApplication, QTextBlock
from pytestqt.qtbot import QtBot

from app.gui.markdown.code import CodeBlock
from app.gui.markdown.prose import ProseView
from app.gui.markdown.view import MarkdownView
from app.gui.pages.chat.message_view import MessageView
from app.gui.theme.theme import Theme
from app.gui.widgets.copy_button import CopyIconButton
from tests.gui.markdown.replies import REPLIES, WORDS

_MARKED = re.compile(r"⟦([^→⟧]*)(?:→([^⟧]*))?⟧")


def source_of(marked: str) -> str:
    return _MARKED.sub(r"\1", marked)


def seen_of(marked: str) -> str:
    return without_blanks(_MARKED.sub(lambda found: found[2] or "", marked))


def halves(marked: str) -> Iterator[tuple[str, str]]:
    """The source after each letter, and what of it must be seen; a sign may begin some markup."""
    source = seen = ""
    for piece in re.split(r"(⟦[^⟧]*⟧)", marked):
        if _MARKED.fullmatch(piece):
            source += source_of(piece)
        else:
            for character in piece:
                source += character
                seen += without_blanks(character)
                if character.isalnum():
                    yield source, seen


def without_blanks(text: str) -> str:
    return "".join(text.split())


def blocks(prose: ProseView) -> Iterator[QTextBlock]:
    block = prose.document().begin()
    while block.isValid():
        yield block
        block = block.next()


def seen_in(view: MarkdownView) -> str:
    """The visible text without spaces, bullets and boxes."""
    texts = []
    for index in range(view.layout().count()):
        widget = view.layout().itemAt(index).widget()
        if isinstance(widget, CodeBlock):
            texts.append(widget.text)
        elif isinstance(widget, ProseView):
            texts.extend(number(block) + block.text() for block in blocks(widget))
    return without_blanks("".join(texts))


def number(block: QTextBlock) -> str:
    listing = block.textList()
    text = listing.itemText(block) if listing else ""
    return text if text[:1].isdigit() else ""


def is_within(part: str, whole: str) -> bool:
    rest = iter(whole)
    return all(character in rest for character in part)


@pytest.fixture
def view(theme: Theme, qtbot: QtBot) -> MarkdownView:
    made = MarkdownView(theme, "Reply")
    qtbot.addWidget(made)
    return made


@pytest.mark.parametrize(("name", "marked"), REPLIES, ids=[name for name, _ in REPLIES])
def test_a_reply_is_seen_whole(view: MarkdownView, name: str, marked: str) -> None:
    view.set_text(source_of(marked))
    assert seen_in(view) == seen_of(marked)


@pytest.mark.parametrize(("name", "marked"), WORDS, ids=[name for name, _ in WORDS])
def test_half_a_reply_loses_nothing(view: MarkdownView, name: str, marked: str) -> None:
    for source, seen in halves(marked):
        view.set_text(source)
        assert is_within(seen, seen_in(view)), source


def test_replies_one_after_the_other_lose_nothing(view: MarkdownView, qtbot: QtBot) -> None:
    """Together they are longer than what is laid out at once."""
    marked = "\n\n----\n\n".join(text for name, text in REPLIES if not name.startswith("open"))
    marked = marked.replace("\n\n----\n\n", "\n\n⟦----⟧\n\n")
    with qtbot.waitSignal(view.settled):
        view.set_text(source_of(marked))
    assert seen_in(view) == seen_of(marked)


@pytest.mark.parametrize(("name", "marked"), REPLIES, ids=[name for name, _ in REPLIES])
def test_a_copied_message_is_the_source(theme: Theme, qtbot: QtBot, name: str, marked: str) -> None:
    message = MessageView(theme, "assistant")
    qtbot.addWidget(message)
    message.append(source_of(marked))
    button = next(
        one
        for one in message.findChildren(CopyIconButton)
        if one.accessibleName() == "Copy message"
    )
    button.click()
    assert QGuiApplication.clipboard().text() == source_of(marked)
