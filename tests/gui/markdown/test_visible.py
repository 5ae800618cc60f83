"""Hidden characters in code are marked, and what is copied is exact."""

from __future__ import annotations

import pytest

from app.gui.markdown.visible import LONGEST_LINE, break_long_lines, make_visible

HIDDEN = {
    "right-to-left override": "\u202e",
    "right-to-left isolate": "\u2067",
    "right-to-left mark": "\u200f",
    "zero width space": "\u200b",
    "zero width joiner": "\u200d",
    "byte order mark": "\ufeff",
    "soft hyphen": "\u00ad",
    "escape": "\x1b",
    "backspace": "\b",
    "carriage return": "\r",
    "line separator": "\u2028",
    "tag": "\U000e0041",
    "hangul filler": "\u3164",
    "private use": "\ue000",
}


@pytest.mark.parametrize("character", HIDDEN.values(), ids=HIDDEN.keys())
def test_a_hidden_character_is_marked(character: str) -> None:
    visible = make_visible(f"if a{character}dmin:\n\tpass")
    mark = f"[U+{ord(character):04X}]"
    assert visible.shown == f"if a{mark}dmin:\n\tpass"
    assert visible.marks == ((4, len(mark)),)
    assert character not in visible.shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain\n\tcode\n",
        "ab\u202ecd",
        "\u202e\u202e",
        "x" * 9_001,
        "a\rb\x1b[31m",
        "😀\u200d😀",
    ],
)
def test_every_cut_gives_the_exact_text(text: str) -> None:
    visible = make_visible(text)
    end = len(visible.shown)
    assert visible.exact(0, end) == text
    for place in range(0, end + 1, max(1, end // 200)):
        assert visible.exact(0, place) + visible.exact(place, end) == text


def test_endless_lines_are_broken_for_the_eye_only() -> None:
    visible = make_visible("x" * 1_000_000)
    assert max(map(len, visible.shown.split("\n"))) == LONGEST_LINE
    assert visible.exact(0, len(visible.shown)) == "x" * 1_000_000
    assert max(map(len, break_long_lines("x" * 10_000 + "\ny").split("\n"))) == LONGEST_LINE


def test_other_scripts_and_emoji_are_not_marked() -> None:
    text = 'print("مرحبا 漢字 ñ ⚠️ 😀")'
    assert make_visible(text).shown == text
