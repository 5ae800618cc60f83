"""Chats as a model sees them, and the rest as it is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from app.core.errors import NoticeCode
from app.core.events import Event, NoticeReported
from app.gguf_file.model import Model, read_model
from app.measurement.texts.builtin_mix import builtin_parts
from app.measurement.texts.passage_rendering import rendered_for
from app.measurement.texts.passages import ChatTurn, Passage
from app.measurement.texts.rendered_text import RenderedText
from tests.support.engine.tiny_model import write_tiny_model

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
CHAT = Passage("chat", "en", messages=(ChatTurn("user", "Hi"), ChatTurn("assistant", "Hello")))
WITH_SYSTEM = Passage("chat", "en", messages=(ChatTurn("system", "Be brief."), *CHAT.messages))
PROSE = Passage("prose", "en", "The mill turns.\n\nSlowly.")
RENDERED = "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello<|im_end|>\n"


def model_with(template: str, folder: Path) -> Model:
    return read_model(write_tiny_model(folder / "tiny.gguf", template=template))


def rendered(
    template: str, passages: Sequence[Passage], folder: Path
) -> tuple[RenderedText, list[Event]]:
    events: list[Event] = []
    text = rendered_for(model_with(template, folder), passages, events.append)
    return text, events


def test_chats_are_rendered_whole_and_marked(tmp_path: Path) -> None:
    text, events = rendered(CHATML, [PROSE, CHAT, PROSE], tmp_path)
    assert text.text == f"{PROSE.text}\n\n{RENDERED}\n\n{PROSE.text}\n\n"
    ((start, end),) = text.templated
    assert text.text[start:end] == RENDERED
    assert text.size_bytes == len(text.text)
    assert events == []


def test_without_a_template_chats_are_plain_text(tmp_path: Path) -> None:
    text, events = rendered("", [WITH_SYSTEM], tmp_path)
    assert text == RenderedText("system: Be brief.\nuser: Hi\nassistant: Hello\n\n")
    assert events == []


@pytest.mark.parametrize(
    "template", ["{% for", "{{ nothing.at.all }}", "{{ raise_exception('no chats today') }}"]
)
def test_a_template_that_does_not_work_is_told_once(template: str, tmp_path: Path) -> None:
    text, events = rendered(template, [CHAT, PROSE, CHAT], tmp_path)
    plain = "user: Hi\nassistant: Hello"
    assert text == RenderedText(f"{plain}\n\n{PROSE.text}\n\n{plain}\n\n")
    (notice,) = events
    assert isinstance(notice, NoticeReported)
    assert notice.code is NoticeCode.CHATS_AS_TEXT


def test_a_template_that_never_ends_is_tried_once(tmp_path: Path) -> None:
    endless = (
        "{% for m in messages %}{{ m.content }}{% endfor %}{% if 'brief' in messages[0].content %}"
        "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}{% endif %}"
    )
    text, events = rendered(endless, [CHAT, WITH_SYSTEM, WITH_SYSTEM, CHAT], tmp_path)
    assert len(text.templated) == 1
    assert text.text.startswith("HiHello\n\nsystem: Be brief.")
    assert len(events) == 1


def test_a_template_without_system_messages_gets_them_in_the_first_turn(tmp_path: Path) -> None:
    strict = (
        "{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}"
        + CHATML
    )
    text, events = rendered(strict, [WITH_SYSTEM], tmp_path)
    assert "Be brief." in text.text.partition("<|im_end|>")[0]
    assert events == []


def test_a_template_that_writes_the_day_gives_the_same_text_every_day(tmp_path: Path) -> None:
    dated = (
        "{% if not date_string is defined %}{% set date_string = strftime_now('%d %b %Y') %}"
        "{% endif %}{{ date_string }}: " + CHATML
    )
    text, _ = rendered(dated, [CHAT], tmp_path)
    assert text.text.startswith("01 Jan 2026: ")


def test_the_whole_mix_is_rendered(tmp_path: Path) -> None:
    parts = builtin_parts()
    text, events = rendered(CHATML, parts.calibration, tmp_path)
    chats = [passage for passage in parts.calibration if passage.messages]
    assert len(text.templated) == len(chats)
    assert all(turn.content in text.text for chat in chats for turn in chat.messages)
    assert all(passage.text in text.text for passage in parts.calibration)
    assert events == []
