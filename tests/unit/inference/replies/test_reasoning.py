"""Thoughts and what is said, told apart however the reply is cut into pieces."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.inference.replies.reasoning import DEFAULT_TAGS, ReasoningTags
from app.inference.replies.reply_reader import ReasoningFormat, ReplyFormat
from tests.support.engine.templates import templates

PLAIN = "{{ messages }}"
HARMONY = "<|channel|>analysis<|message|>"


def cuts(text: str, count: int = 30) -> Iterator[list[str]]:
    """The text whole, in individual letters, and in pieces as chance has it."""
    yield [text]
    yield list(text)
    chance = random.Random(7)
    for _ in range(count):
        places = sorted(chance.choices(range(len(text) + 1), k=chance.randint(1, 6)))
        yield [text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True)]


def read(
    pieces: list[str],
    template: str = PLAIN,
    prompt: str = "",
    reasoning_format: ReasoningFormat = "deepseek",
) -> tuple[str, str]:
    """What is thought and what is said."""
    reader = ReplyFormat(template).reader(prompt, [], reasoning_format)
    parts = [part for piece in pieces for part in reader.feed(piece)] + list(reader.finish())
    assert all(part.text for part in parts)
    return (
        "".join(part.text for part in parts if part.kind == "reasoning"),
        "".join(part.text for part in parts if part.kind == "content"),
    )


@pytest.mark.parametrize(
    ("template", "prompt", "reply", "expected"),
    [
        (PLAIN, "", "Hello <b>", ("", "Hello <b>")),
        (PLAIN, "", "", ("", "")),
        (PLAIN, "", "  Hello", ("", "  Hello")),
        (PLAIN, "", "<think>\nHm.\n\nSo.\n</think>\n\nHello\n", ("Hm.\n\nSo.", "Hello\n")),
        (PLAIN, "", "\n<think>a</think>b", ("a", "b")),
        (PLAIN, "", "<think>\n\n</think>\n\nHello", ("", "Hello")),
        (PLAIN, "", "<think>cut off </thi", ("cut off </thi", "")),
        (PLAIN, "", "<thi", ("", "<thi")),
        (PLAIN, "", "Say <think>no</think>", ("", "Say <think>no</think>")),
        (PLAIN, "…<think>\n", "a < b\n</think>\n\nb", ("a < b", "b")),
        (PLAIN, "…<think>\n\n</think>\n\n", "b</think>", ("", "b</think>")),
        (PLAIN, "", "[THINK]a[/THINK]b", ("", "[THINK]a[/THINK]b")),
        ("[/THINK]", "", "[THINK]a[/THINK]b", ("a", "b")),
        ("<seed:think></seed:think>", "", "<seed:think>a</seed:think>b", ("a", "b")),
        (
            "<|END_THINKING|>",
            "<|START_THINKING|>",
            "a<|END_THINKING|>b",
            ("a", "b"),
        ),
        (
            "[BEGIN FINAL RESPONSE]",
            "Here are my reasoning steps:\n",
            "a\n[BEGIN FINAL RESPONSE]\nb",
            ("a", "b"),
        ),
        ("<|channel>thought\n<channel|>", "", "<|channel>thought\na\n<channel|>b", ("a", "b")),
        (HARMONY, "<|start|>assistant", "Hello", ("", "Hello")),
        (
            HARMONY,
            "<|start|>assistant",
            "<|channel|>analysis<|message|>a < b<|end|>"
            "<|start|>assistant<|channel|>final<|message|>c <|d",
            ("a < b", "c <|d"),
        ),
        (
            HARMONY,
            "<|start|>assistant",
            "<|channel|>commentary<|message|>First.<|end|><|start|>assistant"
            "<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>b",
            ("a", "First.b"),
        ),
        (HARMONY, "", "<|channel|>analysis<|message|>cut", ("cut", "")),
    ],
)
def test_thoughts_are_told_apart(
    template: str, prompt: str, reply: str, expected: tuple[str, str]
) -> None:
    for pieces in cuts(reply):
        assert read(pieces, template, prompt) == expected, pieces


@pytest.mark.parametrize(
    ("template", "prompt", "reply", "expected"),
    [
        (PLAIN, "", "<think>a</think>\n\nb", "<think>a</think>\n\nb"),
        (PLAIN, "<think>\n", "a</think>b", "<think>\na</think>b"),
        (
            HARMONY,
            "",
            "<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>b",
            "ab",
        ),
    ],
)
def test_thoughts_may_stay_within_what_is_said(
    template: str, prompt: str, reply: str, expected: str
) -> None:
    for pieces in cuts(reply):
        assert read(pieces, template, prompt, "none") == ("", expected), pieces


def test_little_is_held_back() -> None:
    reader = ReplyFormat(PLAIN).reader("<think>", [])
    thought = said = ""
    for index, letter in enumerate("0123456789" * 20):
        thought += "".join(part.text for part in reader.feed(letter))
        assert len(thought) == index + 1
    assert [*reader.feed("</think>")] == []
    for index, letter in enumerate("0123456789" * 20):
        said += "".join(part.text for part in reader.feed(letter))
        assert len(said) == index + 1


def test_the_tags_of_real_templates(converter: Path) -> None:
    found: dict[ReasoningTags, int] = {}
    for source in templates(converter).values():
        for marks in ReplyFormat(source)._tags:
            found[marks] = found.get(marks, 0) + 1
    assert len(found) == 8
    assert found[DEFAULT_TAGS] >= 70
    assert ReplyFormat(templates(converter)["openai-gpt-oss-120b"])._has_channels
