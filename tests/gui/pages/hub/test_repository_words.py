"""A model card is shown without its HTML, and without links that lead nowhere."""

from __future__ import annotations

import time

import pytest

from app.gui.pages.hub.repository_words import LONGEST_CARD, readable_card


@pytest.mark.parametrize(
    ("card", "shown"),
    [
        ('<div align="center">\n\n# Name\n\n</div>', "# Name"),
        ('<p>words <img src="https://a.b/c.png"> go on</p>', "words  go on"),
        ("<!-- a comment\nin lines -->\ntext", "text"),
        ("a < b and c > d", "a < b and c > d"),
        ("[a section](#limits), [a file](LICENSE)", "a section, a file"),
        ("![a picture](assets/a.png)", "a picture"),
        ("[a paper](https://arxiv.org/abs/1)", "[a paper](https://arxiv.org/abs/1)"),
        (
            "```html\n<b>kept</b> [x](#y)\n```\n<b>gone</b>",
            "```html\n<b>kept</b> [x](#y)\n```\ngone",
        ),
        ("one\n\n<br>\n\n\n<hr/>\n\ntwo", "one\n\ntwo"),
    ],
)
def test_only_text_is_left(card: str, shown: str) -> None:
    assert readable_card(card) == shown


def test_a_card_is_no_longer_than_is_readable() -> None:
    assert len(readable_card("word " * LONGEST_CARD)) < LONGEST_CARD + 10


@pytest.mark.parametrize("piece", ["<", "<a ", "[", "![", "[x](", "<!--", "```", "\n \n"])
def test_hostile_cards_take_no_time(piece: str) -> None:
    begin = time.monotonic()
    readable_card(piece * (LONGEST_CARD // len(piece)))
    assert time.monotonic() - begin < 0.5
