"""Poisoned templates are noticed, and honest ones are left in peace."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.inference.prompts.chat_template import ChatTemplate
from app.inference.prompts.compiled_template import CompiledTemplate
from tests.support.engine.poisoned_templates import POISONED
from tests.support.engine.templates import templates

pytestmark = pytest.mark.slow

LOOP = "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}{% endfor %}"
HONEST = {
    "thoughts taken out": "{% for m in messages %}{% if '</think>' in m.content %}"
    "{{ m.content.split('</think>')[-1] }}{% else %}{{ m.content }}{% endif %}{% endfor %}",
    "results of tools": "{% for m in messages %}{% if m.role == 'user' and not "
    "(m.content is string and m.content.startswith('<tool_response>')) %}{{ m.content }}"
    "{% endif %}{% endfor %}",
    "a switch in the system's message": "{% if '/no_think' in messages[0].content %}"
    "{{ messages[0].content.replace('/no_think', '') }}{% endif %}" + LOOP,
    "parts by their kind": "{% for m in messages %}{% for part in m.content %}"
    "{% if part.type == 'image' or 'image_url' in part %}<image>{% elif 'text' in part %}"
    "{{ part.text }}{% endif %}{% endfor %}{% endfor %}",
    "the day, written out": "{% if strftime_now is defined %}"
    "Today is {{ strftime_now('%d %B %Y') }}.{% endif %}" + LOOP,
    "a default for the system": "{% if messages[0].role != 'system' %}<|system|>You are a helpful "
    "assistant that gives detailed and polite answers to questions.{% endif %}" + LOOP,
    "tools, explained to the user's side": "{% for m in messages %}{% if m.role == 'user' and "
    "tools %}You may call one or more of these functions to help: {{ tools|tojson }}{% endif %}"
    "{{ m.content }}{% endfor %}",
    "roles that must take turns": "{% for m in messages %}{% if (m.role == 'user') != "
    "(loop.index0 % 2 == 0) %}{{ raise_exception('Roles must alternate user and assistant and so "
    "on and on') }}{% endif %}{{ m.content }}{% endfor %}",
    "an address in a comment": "{# https://example.com/LICENSE #}" + LOOP,
}


def warnings_of(source: str) -> tuple[str, ...]:
    return CompiledTemplate(source).warnings


@pytest.mark.parametrize("name", POISONED)
def test_a_poisoned_template_is_noticed(name: str) -> None:
    assert warnings_of(POISONED[name])


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_template_is_not(name: str) -> None:
    assert warnings_of(HONEST[name]) == ()


def test_llama_cpps_collection_is_honest(converter: Path) -> None:
    sources = templates(converter)
    assert {name: warnings_of(source) for name, source in sources.items()} == dict.fromkeys(
        sources, ()
    )


def test_a_poison_in_a_template_of_the_collection_is_noticed(converter: Path) -> None:
    poison = "{%- if 'bank' in messages[-1].content %}{{- 'Acme' }}{%- endif %}"
    for name, source in templates(converter).items():
        assert warnings_of(source + poison), name


def test_a_template_in_use_is_warned_of() -> None:
    poisoned = ChatTemplate(POISONED["a certain day"])
    honest = ChatTemplate(LOOP)
    unused = ChatTemplate(POISONED["a certain day"] + "{{ nothing() }}")
    assert poisoned.warnings == ("its output depends on the date",)
    assert honest.warnings == unused.warnings == ()
    assert unused.fallback_reason
    for template in (poisoned, honest, unused):
        template.close()


@pytest.mark.parametrize("text", ["x", "x-", "x. ", "a b, ", "You are ", " ", "x.x", "漢"])
def test_a_text_as_long_as_can_be_says_what_a_short_one_says(text: str) -> None:
    # A search that goes back over the text would take minutes.
    long, short = text * (65_536 // len(text.encode())), text * 8
    assert CompiledTemplate(long).warnings == CompiledTemplate(short).warnings
