"""Chat templates: rendered as transformers does it, harmless, replaced when they don't work."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from app.core.errors import AppError, ErrorCode
from app.inference.prompt import ChatMessage, ChatTemplate

HELLO = [ChatMessage("user", "Hello")]
TURNS = [*HELLO, ChatMessage("assistant", "Hi <b>there</b>"), ChatMessage("user", "Why?")]
# Refuse whoever brings no tools or functions.
FOR_TOOLS_ALONE = {"fireworks-ai-llama-3-firefunction-v2.jinja"}


def rendered(source: str, messages: list[ChatMessage] = HELLO) -> str:
    template = ChatTemplate(source, "<s>", "</s>")
    assert template.fallback_reason == ""
    assert template.stops == ()
    return template.render(messages)


def test_a_template_sees_the_conversation_and_the_tokens() -> None:
    source = (
        "{{ bos_token }}{% for m in messages %}[{{ m['role'] }}]{{ m.content }}{% endfor %}"
        "{% if add_generation_prompt %}[assistant]{% endif %}{{ eos_token }}"
    )
    expected = "<s>[user]Hello[assistant]Hi <b>there</b>[user]Why?[assistant]</s>"
    assert rendered(source, TURNS) == expected


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


def test_a_refusal_of_the_template_is_a_refusal_of_the_request() -> None:
    source = (
        "{% for m in messages %}{% if m.role == 'system' %}"
        "{{ raise_exception('System role not supported') }}{% endif %}{{ m.content }}{% endfor %}"
    )
    template = ChatTemplate(source, "", "")
    assert template.render(HELLO) == "Hello"
    with pytest.raises(AppError) as raised:
        template.render([ChatMessage("system", "Be brief."), *HELLO])
    assert raised.value.code is ErrorCode.REQUEST_INVALID
    assert raised.value.facts == {"reason": "System role not supported"}


def test_a_fault_that_only_some_conversations_meet_is_a_refusal_too() -> None:
    template = ChatTemplate("{{ messages[0].content }}{{ 1 / (3 - messages | length) }}", "", "")
    assert template.fallback_reason == ""
    with pytest.raises(AppError) as raised:
        template.render(TURNS)
    assert raised.value.code is ErrorCode.REQUEST_INVALID
    assert raised.value.facts == {"reason": "the model's chat template fails: division by zero"}


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (None, "the file has none"),
        ("", "the file has none"),
        ("{{ 'a' }}" + " " * 64 * 1024, "it is larger than 64 kB"),
        ("{% for m in messages %}", "Unexpected end of template"),
        ("{% endfor %}", "unknown tag 'endfor'"),
        ("{{ nowhere.to_be_found }}", "'nowhere' is undefined"),
        ("{{ 1 / 0 }}", "division by zero"),
        ("{{ raise_exception('only tools') }}", "only tools"),
        ("{{ " + "(" * 5000 + " }}", ""),
        ("{{ 'a' * 10 ** 18 }}", ""),
        ("{{ messages | nonsense }}", "No filter named 'nonsense'"),
    ],
)
def test_a_template_that_does_not_work_is_replaced_and_said(
    source: str | None, reason: str
) -> None:
    template = ChatTemplate(source, "<s>", "</s>")
    assert template.fallback_reason
    assert reason in template.fallback_reason
    assert template.stops == ("<|im_end|>",)
    expected = "<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n"
    assert template.render(HELLO) == expected


@pytest.mark.parametrize("length", [1023, 1024, 1025, 8191, 8192, 8193])
def test_no_length_loses_a_byte(length: int) -> None:
    source = "{{ messages[0].content }}"
    source += "x" * (length - len(source) - 1) + "!"
    assert rendered(source).endswith("x!")
    assert len(rendered(source)) == length - len("{{ messages[0].content }}") + len("Hello")


ESCAPES = (
    "{{ ''.__class__ }}",
    "{{ ''['__class__'] }}",
    "{{ ''|attr('__class__') }}",
    "{{ ''|attr('__cla' ~ 'ss__') }}",
    "{{ [''] | map(attribute='__class__') | first }}",
    "{{ ().__class__.__bases__[0].__subclasses__() }}",
    "{{ messages.append(1) }}",
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
    template = ChatTemplate(f"{{{{ messages[0].content }}}}{source}", "", "")
    if template.fallback_reason == "":
        # The sandbox answers some of them with nothing instead of an error.
        assert template.render(HELLO).strip() in ("Hello", "Hello%s", "Hello{0.__class__}")


def templates(converter: Path) -> list[Path]:
    found = sorted((next(converter.iterdir()) / "models" / "templates").glob("*.jinja"))
    assert len(found) > 60
    return found


def test_the_templates_of_real_models_work(converter: Path) -> None:
    fallbacks = {}
    for path in templates(converter):
        template = ChatTemplate(path.read_text(encoding="utf-8"), "<s>", "</s>")
        if template.fallback_reason:
            fallbacks[path.name] = template.fallback_reason
            continue
        assert "Hello" in template.render(HELLO), path.name
        assert "Why?" in template.render(TURNS), path.name
    assert set(fallbacks) == FOR_TOOLS_ALONE, fallbacks


@pytest.mark.slow
def test_they_read_as_transformers_renders_them(converter: Path) -> None:
    from transformers.utils.chat_template_utils import render_jinja_template

    compared = 0
    for path in templates(converter):
        source = path.read_text(encoding="utf-8")
        # With neither tools nor documents, some of these fail in transformers.
        if path.name in FOR_TOOLS_ALONE or "tool_use" in path.name:
            continue
        for messages in (HELLO, TURNS):
            (expected,), _ = render_jinja_template(
                [[{"role": message.role, "content": message.content} for message in messages]],
                chat_template=source,
                add_generation_prompt=True,
                bos_token="<s>",
                eos_token="</s>",
            )
            assert rendered(source, messages) == expected, path.name
            compared += 1
    assert compared > 100
