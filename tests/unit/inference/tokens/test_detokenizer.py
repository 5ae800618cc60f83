"""Text as it streams: whole characters at once, stop strings however they are cut."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from app.inference.tokens.detokenizer import Detokenizer


def streamed(pieces: list[bytes], *stops: str) -> list[str]:
    text = Detokenizer(stops)
    return [*(text.feed(piece) for piece in pieces), text.finish()]


def test_a_character_comes_with_its_last_byte() -> None:
    assert streamed([b"a\xf0", b"\x9f", b"\x8c", b"\xbe!"]) == ["a", "", "", "🌾!", ""]


@pytest.mark.parametrize("text", ["Ğüneş", "小麦粉", "🌾👩🏽‍🌾", "a\0b", "\u2028\x85"])
def test_text_cut_anywhere_comes_out_whole(text: str) -> None:
    encoded = text.encode()
    for cut in range(len(encoded) + 1):
        assert "".join(streamed([encoded[:cut], encoded[cut:]])) == text
    assert "".join(streamed([bytes([byte]) for byte in encoded])) == text


def test_invalid_bytes_are_replaced_at_once() -> None:
    assert streamed([b"\xff", b"ok", b"\xc3", b"(", b"\x80"]) == ["�", "ok", "", "�(", "�", ""]


def test_an_unfinished_character_at_the_end_is_replaced() -> None:
    assert streamed([b"\xe5\xb0"]) == ["", "�"]


def test_a_stop_string_ends_the_text_before_it() -> None:
    assert streamed([b"flour<end", b">bran", b"more"], "<end>") == ["flour", "", "", ""]


def test_a_stop_string_is_found_however_it_is_cut() -> None:
    whole = "one two STOP three"
    for first in range(len(whole) + 1):
        for second in range(first, len(whole) + 1):
            cuts = (0, first, second, len(whole))
            pieces = [whole[start:end].encode() for start, end in pairwise(cuts)]
            assert "".join(streamed(pieces, "STOP")) == "one two "


def test_what_only_looked_like_a_stop_string_is_given_out() -> None:
    assert streamed([b"a\n", b"\nb", b"\n"], "\n\n\n") == ["a", "\n\nb", "", "\n"]


def test_nothing_more_is_held_back_than_can_become_a_stop_string() -> None:
    text = Detokenizer(["abcd"])
    assert text.feed(b"xabcxab") == "xabcx"
    assert text.feed(b"c") == ""
    assert text.feed(b"ab") == "abc"
    assert text.finish() == "ab"


def test_the_first_of_several_stop_strings_counts() -> None:
    text = Detokenizer(["later", "now"])
    assert text.feed(b"here now and later") == "here "
    assert text.has_stopped


def test_a_stop_string_of_several_bytes_for_each_character() -> None:
    encoded = "değirmen 停 un".encode()
    assert "".join(streamed([bytes([byte]) for byte in encoded], "停")) == "değirmen "


def test_empty_stop_strings_stop_nothing() -> None:
    assert streamed([b"text"], "") == ["text", ""]


def test_a_hundred_thousand_random_bytes_come_out_one_by_one() -> None:
    """The library's own way took seconds for a few hundred."""
    chance = random.Random(1)
    content = chance.randbytes(100_000)
    text = Detokenizer(["\n\n\n\n\n\n", "<|im_end|>"])
    received = []
    held = 0
    for byte in content:
        received.append(text.feed(bytes([byte])))
        held = 0 if received[-1] else held + 1
        assert held <= 3 + len("<|im_end|>")
    received.append(text.finish())
    assert "".join(received) == content.decode("utf-8", "replace")
