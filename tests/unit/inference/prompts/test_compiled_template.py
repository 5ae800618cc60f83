"""A template in its sandbox: what it may count on, and what it can't reach."""

from __future__ import annotations

import datetime
from typing import Any

import jinja2
import pytest

from app.inference.prompts.compiled_template import CompiledTemplate, TemplateRefusedError

HELLO = [{"role": "user", "content": "Hello"}]


def rendered(source: str, messages: list[dict[str, Any]] = HELLO) -> str:
    return CompiledTemplate(source).render(
        {
            "messages": messages,
            "add_generation_prompt": True,
            "bos_token": "<s>",
            "eos_token": "</s>",
        }
    )


def test_a_template_sees_the_conversation_and_the_tokens() -> None:
    source = (
        "{{ bos_token }}{% for m in messages %}[{{ m['role'] }}]{{ m.content }}{% endfor %}"
        "{% if add_generation_prompt %}[assistant]{% endif %}{{ eos_token }}"
    )
    turns = [*HELLO, {"role": "assistant", "content": "Hi <b>there</b>"}]
    assert rendered(source, turns) == "<s>[user]Hello[assistant]Hi <b>there</b>[assistant]</s>"


def test_blocks_leave_no_lines_behind() -> None:
    source = (
        "{% for m in messages %}\n    {% if true %}\n{{ m.content }}\n    {% endif %}\n{% endfor %}"
    )
    assert rendered(source) == "Hello\n"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{{ {'ü': '<'} | tojson }}", '{"ü": "<"}'),
        ("{{ {'b': 1, 'a': 2} | tojson(indent=1, sort_keys=true) }}", '{\n "a": 2,\n "b": 1\n}'),
        ("{{ [1, 2] | tojson(separators=(',', ':')) }}", "[1,2]"),
        ("{{ 'ü' | tojson(ensure_ascii=true) }}", '"\\u00fc"'),
        ("{% for i in range(9) %}{% if i == 2 %}{% break %}{% endif %}{{ i }}{% endfor %}", "01"),
        (
            "{% set n = namespace(a=1) %}{% for i in [1] %}{% set n.a = 2 %}{% endfor %}{{ n.a }}",
            "2",
        ),
        ("{% if tools %}tools{% endif %}{{ documents is defined and documents }}", "False"),
        ("{% generation %}{{ messages[0].content }}{% endgeneration %}", "Hello"),
        ("{% set x = 1 %}{% generation %}{% set x = 2 %}{% endgeneration %}{{ x }}", "1"),
    ],
)
def test_what_templates_may_count_on(source: str, expected: str) -> None:
    assert rendered(source) == expected


def test_the_date_of_today_can_be_asked_for() -> None:
    before = datetime.datetime.now().astimezone().strftime("%d %b %Y")
    text = rendered("{{ strftime_now('%d %b %Y') }}")
    assert text in (before, datetime.datetime.now().astimezone().strftime("%d %b %Y"))


def test_its_own_refusal_is_told_from_a_fault() -> None:
    with pytest.raises(TemplateRefusedError, match="no system"):
        rendered("{{ raise_exception('no system') }}")
    with pytest.raises(ZeroDivisionError):
        rendered("{{ 1 / 0 }}")


def test_its_size_is_bounded() -> None:
    CompiledTemplate("x" * 65_536)
    with pytest.raises(jinja2.TemplateError, match="it is larger than 64 kB"):
        CompiledTemplate("x" * 65_537)


def test_no_length_loses_a_byte() -> None:
    source = "{{ messages[0].content }}"
    # The powers of two with their neighbors, and some between.
    for length in {*range(1000, 8192, 97), *(2**n + d for n in range(10, 14) for d in (-1, 0, 1))}:
        text = rendered(source + "x" * (length - len(source) - 1) + "!")
        assert len(text) == length - len(source) + len("Hello")
        assert text.endswith("x!")


def test_the_constants_are_known_that_it_may_compare_texts_with() -> None:
    source = "{% if '</think>' in messages[0].content %}{{ 'a' ~ 'b' }}{% endif %}text"
    assert {"</think>"} <= CompiledTemplate(source).constants


ESCAPES = (
    "{{ ''.__class__ }}",
    "{{ ''['__class__'] }}",
    "{{ ''|attr('__class__') }}",
    "{{ ''|attr('__cla' ~ 'ss__') }}",
    "{{ [''] | map(attribute='__class__') | first }}",
    "{{ ().__class__.__bases__[0].__subclasses__() }}",
    "{{ messages.extend([1]) }}",
    "{{ messages[0].update(a=1) }}",
    "{{ messages.clear() }}",
    "{{ self.__init__.__globals__ }}",
    "{{ self._TemplateReference__context }}",
    "{{ cycler.__init__.__globals__ }}",
    "{{ joiner.__init__.__globals__ }}",
    "{{ lipsum.__globals__ }}",
    "{{ lipsum.__globals__['os'].popen('id').read() }}",
    "{{ raise_exception.__globals__ }}",
    "{{ strftime_now.__code__ }}",
    "{{ namespace.__init__.__globals__ }}",
    "{% set ns = namespace() %}{% set ns.__class__ = 1 %}",
    "{{ namespace(__class__=1) }}",
    "{{ namespace({'_Namespace__attrs': 1}) }}",
    "{{ dict.__subclasses__() }}",
    "{{ dict.mro() }}",
    "{{ '{0.__class__}'.format('') }}",
    "{{ '{a.__class__}'.format_map({'a': ''}) }}",
    "{{ ('{0.__class__}'.format)('') }}",
    "{{ (['{0.__class__.__mro__}'.format] | first)('') }}",
    "{{ ['{0.__class__}'] | map('format', '') | first }}",
    "{{ '%s' | attr('format') | attr('__self__') }}",
    "{% for x in [].__class__.__base__.__subclasses__() %}{{ x }}{% endfor %}",
    "{% macro m() %}{% endmacro %}{{ m.__globals__ }}",
    "{% macro m() %}{% endmacro %}{{ m._environment }}",
    "{{ caller.__init__ }}",
    "{{ loop.__init__.__globals__ }}",
    "{% for i in [1] %}{{ loop.__init__.__globals__ }}{% endfor %}",
    "{% include '/etc/passwd' %}",
    "{% import 'os' as os %}{{ os }}",
    "{% extends '/etc/passwd' %}",
    "{{ range(1000000) | list }}",
    "{{ messages.__getitem__.__self__.__class__ }}",
)


@pytest.mark.parametrize("source", ESCAPES)
def test_no_template_reaches_into_python(source: str) -> None:
    try:
        text = rendered("{{ messages[0].content }}" + source)
    except Exception:  # noqa: BLE001 - a template is a program
        return
    # The sandbox answers some of them with nothing instead of an error.
    assert text.strip() in ("Hello", "Hello%s", "Hello{0.__class__}")
