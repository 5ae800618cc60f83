"""Passages: how texts are divided, told apart and split into two parts."""

from __future__ import annotations

import pytest

from app.measurement.texts.passages import (
    MOST_BYTES,
    ChatTurn,
    Passage,
    divided,
    overlap,
    text_passages,
    without_overlap,
)


def texts_of(text: str) -> list[str]:
    return [passage.text for passage in text_passages(text, "own", "")]


def words_of(text: str) -> list[str]:
    return text.split()


def passages(kind: str, language: str, count: int) -> list[Passage]:
    return [Passage(kind, language, f"{kind} {language} {number}") for number in range(count)]  # type: ignore[arg-type]


def test_paragraphs_are_grouped_up_to_the_limit() -> None:
    paragraphs = [f"{letter * 30} " * 20 for letter in "abcde"]
    text = "\n\n".join(paragraphs)
    found = texts_of(text)
    assert [len(each.split("\n\n")) for each in found] == [3, 2]
    assert all(len(each.encode()) <= MOST_BYTES for each in found)
    assert words_of(" ".join(found)) == words_of(text)


def test_blank_lines_with_spaces_divide_and_indentation_stays() -> None:
    assert texts_of("def f():\n    return 1\n \n\n    x = 2\n") == [
        "def f():\n    return 1\n\n    x = 2"
    ]


@pytest.mark.parametrize("sentence", ["Korn wird Mehl. ", "粉を挽く。", "वह पीसता है। ", "a line\n"])
def test_a_long_paragraph_is_divided_at_its_sentences(sentence: str) -> None:
    text = sentence * 1000
    found = texts_of(text)
    assert len(found) > 2
    assert all(len(each.encode()) <= MOST_BYTES for each in found)
    assert all(each.endswith(sentence.rstrip()) for each in found)
    assert sum(each.count(sentence.rstrip()) for each in found) == 1000


def test_a_line_without_an_end_is_divided_anywhere() -> None:
    text = "ü" * 5_000
    found = texts_of(text)
    assert "".join(found) == text
    assert all(len(each.encode()) <= MOST_BYTES for each in found)


@pytest.mark.parametrize("text", ["", "\n", "  \n\n \t\n"])
def test_no_words_are_no_passages(text: str) -> None:
    assert texts_of(text) == []


def test_the_hash_ignores_white_space_only() -> None:
    one = Passage("own", "", "The miller\n  grinds.")
    assert one.digest == Passage("prose", "en", "The miller grinds.\n").digest
    assert one.digest != Passage("own", "", "The miller grinds!").digest
    assert one.digest != Passage("own", "", "Theminer grinds.").digest
    assert len(one.digest) == 64


def test_the_hash_of_a_chat_has_its_roles() -> None:
    turns = (ChatTurn("user", "Hello"), ChatTurn("assistant", "Hi"))
    chat = Passage("chat", "en", messages=turns)
    assert chat.digest == Passage("chat", "en", messages=turns).digest
    assert chat.digest != Passage("chat", "en", messages=turns[:1]).digest
    swapped = (ChatTurn("assistant", "Hello"), ChatTurn("user", "Hi"))
    assert chat.digest != Passage("chat", "en", messages=swapped).digest


def test_every_group_is_in_both_parts() -> None:
    mix = [*passages("prose", "en", 40), *passages("prose", "de", 2), *passages("code", "c", 10)]
    parts = divided(mix)
    assert not overlap(parts.calibration, parts.held_out)
    assert {*parts.calibration, *parts.held_out} == {*mix}
    for kind, language, held_out in (("prose", "en", 12), ("prose", "de", 1), ("code", "c", 3)):
        group = [each for each in parts.held_out if (each.kind, each.language) == (kind, language)]
        assert len(group) == held_out


def test_the_parts_depend_on_the_passages_alone() -> None:
    mix = passages("prose", "en", 20)
    forwards, backwards = divided(mix), divided(reversed(mix))
    assert {*forwards.held_out} == {*backwards.held_out}
    assert forwards.calibration == backwards.calibration


def test_a_lone_passage_is_for_calibration() -> None:
    parts = divided(passages("prose", "en", 1))
    assert (len(parts.calibration), len(parts.held_out)) == (1, 0)


def test_any_beginning_has_many_groups() -> None:
    mix = [each for letter in "abcdefgh" for each in passages("prose", letter, 10)]
    beginning = divided(mix).calibration[:8]
    assert {each.language for each in beginning} == set("abcdefgh")


def test_a_passage_in_two_groups_is_not_measured_with() -> None:
    shared = [Passage(kind, "en", "the same words") for kind in ("prose", "law")]
    mix = [*passages("prose", "en", 1), *passages("law", "en", 1), *shared]
    parts = divided(mix)
    assert not overlap(parts.calibration, parts.held_out)


def test_own_files_that_overlap() -> None:
    calibration = texts_of("First paragraph. " * 100 + "\n\n" + "Second one. " * 120)
    known = [Passage("own", "", text) for text in calibration]
    other = [Passage("own", "", "Only in the other file.")]
    assert overlap(known, [*other, known[1]]) == {known[1].digest}
    assert without_overlap([*other, *known], known) == tuple(other)
