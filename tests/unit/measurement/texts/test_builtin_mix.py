"""The built-in mix, as it is shipped."""

from __future__ import annotations

import re
from collections import Counter

from app.core.resources import resource
from app.inference.prompts.generic_template import BEGIN
from app.measurement.texts.builtin_mix import SEPARATOR, builtin_parts, builtin_passages
from app.measurement.texts.passages import MOST_BYTES, overlap

FOLDER = resource("calibration")
LANGUAGES = {"ar", "de", "en", "es", "fr", "hi", "it", "ja", "ko", "pl", "pt", "ru", "tr", "zh"}
PROGRAMMING = {"c", "go", "html", "javascript", "json", "python", "rust", "shell", "sql"}
_CONTROL = re.compile(r"<\|[^>]*\|>|</?s>|\[/?INST\]|<(start|end)_of_turn>")


def test_every_kind_has_its_languages() -> None:
    languages: dict[str, set[str]] = {}
    for passage in builtin_passages():
        languages.setdefault(passage.kind, set()).add(passage.language)
    assert languages["prose"] == languages["law"] == languages["chat"] == LANGUAGES
    assert languages["code"] == PROGRAMMING
    assert languages["mathematics"] == {"de", "en", "es", "fr", "ja", "ru", "zh"}


def test_it_is_as_large_as_it_should_be() -> None:
    sizes = [file.stat().st_size for file in FOLDER.rglob("*") if file.parent != FOLDER]
    assert 250_000 < sum(sizes) < 450_000


def test_the_parts_share_no_passage_and_both_have_everything() -> None:
    parts = builtin_parts()
    assert not overlap(parts.calibration, parts.held_out)
    groups = {(passage.kind, passage.language) for passage in builtin_passages()}
    for part in (parts.calibration, parts.held_out):
        assert {(passage.kind, passage.language) for passage in part} == groups
    share = len(parts.held_out) / len(parts.held_out + parts.calibration)
    assert 0.25 < share < 0.35


def test_no_passage_is_repeated() -> None:
    counts = Counter(passage.digest for passage in builtin_passages())
    assert [digest for digest, count in counts.items() if count > 1] == []


def test_no_long_line_is_repeated() -> None:
    """Boilerplate would count several times, and could be in both parts."""
    lines = Counter(
        line.strip()
        for passage in builtin_passages()
        for line in (passage.text, *(turn.content for turn in passage.messages))
        for line in line.splitlines()
        if len(line) > 80
    )
    assert [line for line, count in lines.items() if count > 1] == []


def test_passages_are_neither_tiny_nor_huge() -> None:
    for passage in builtin_passages():
        text = passage.text or "".join(turn.content for turn in passage.messages)
        assert 40 < len(text.encode()) <= 2 * MOST_BYTES
        assert SEPARATOR not in text


def test_chats_take_turns_and_end_with_a_reply() -> None:
    chats = [passage for passage in builtin_passages() if passage.kind == "chat"]
    assert sum(turn.role == "system" for chat in chats for turn in chat.messages) > 10
    for chat in chats:
        roles = [turn.role for turn in chat.messages if turn.role != "system"]
        assert roles == ["user", "assistant"] * (len(roles) // 2)
        assert "system" not in [turn.role for turn in chat.messages[1:]]


def test_no_text_could_be_taken_for_a_control_token() -> None:
    assert _CONTROL.search(BEGIN)
    for passage in builtin_passages():
        for text in (passage.text, *(turn.content for turn in passage.messages)):
            assert not _CONTROL.search(text)


def test_the_sources_of_all_files_are_stated() -> None:
    stated = (FOLDER / "README.md").read_text("utf-8")
    for file in FOLDER.rglob("*"):
        if file.is_file() and file.name != "README.md":
            assert file.relative_to(FOLDER).as_posix() in stated or file.parent.name in stated
    assert (FOLDER / "LICENSE-PYTHON.txt").read_text("utf-8").count("Python Software Foundation")
