"""Conversations in the forms that templates take for granted: nothing of ours is refused."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import pytest

from app.inference.prompts.rendering import ChatInput, Rendered, Renderer, TemplateSetup
from app.inference.prompts.template_repairs import repaired, with_system_in_user
from tests.support.engine.templates import TOOLS, USER, templates

SYSTEM = {"role": "system", "content": "Be brief."}
BARE = [{"type": "function", "function": {"name": "get_weather"}}]
THOUGHTS = {"reasoning_content": "Count.", "thinking": "Count."}
# It asks for variables that only its makers' own program passes.
UNUSABLE = {"fireworks-ai-llama-3-firefunction-v2"}
# It puts the system's text before the last message alone, and only if that is the user's.
LOSES_SYSTEM = {"mistralai-Mistral-Nemo-Instruct-2407"}


def reply(*calls: str, arguments: Any = None, **fields: Any) -> dict[str, Any]:
    """A message of the assistant; the calls are given by their identities."""
    function = {"name": "get_weather", "arguments": arguments or {"city": "Oslo"}}
    made = [{"id": identity, "type": "function", "function": function} for identity in calls]
    return {"role": "assistant"} | ({"tool_calls": made} if made else {}) | fields


def result(identity: str, content: str = "gray") -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": identity, "content": content}


FORMS = {
    "system": ChatInput([SYSTEM, USER]),
    "words": ChatInput([USER, reply(content="Hi"), USER]),
    "no words": ChatInput([USER, reply(content=""), USER]),
    "nothing": ChatInput([USER, reply(), USER]),
    "thoughts": ChatInput([USER, reply(content="", **THOUGHTS), USER]),
    "thoughts and words": ChatInput([USER, reply(content="Hi", **THOUGHTS), USER]),
    "call": ChatInput([USER, reply("abcdefghi"), result("abcdefghi")], TOOLS),
    "call beside a system": ChatInput(
        [SYSTEM, USER, reply("abcdefghi"), result("abcdefghi")], TOOLS
    ),
    "words and call": ChatInput(
        [USER, reply("abcdefghi", content="Wait."), result("abcdefghi")], TOOLS
    ),
    "thoughts and call": ChatInput(
        [USER, reply("abcdefghi", **THOUGHTS), result("abcdefghi")], TOOLS
    ),
    "all": ChatInput(
        [USER, reply("abcdefghi", content="Wait.", **THOUGHTS), result("abcdefghi")], TOOLS
    ),
    "all, answered": ChatInput(
        [
            *[USER, reply("abcdefghi", content="Wait.", **THOUGHTS), result("abcdefghi")],
            *[reply(content="Grey.", **THOUGHTS), USER],
        ],
        TOOLS,
    ),
    "two calls": ChatInput(
        [USER, reply("abcdefghi", "ihgfedcba"), result("abcdefghi"), result("ihgfedcba")], TOOLS
    ),
    "calls without tools": ChatInput(
        [USER, reply("abcdefghi"), result("abcdefghi"), reply(content="Grey."), USER]
    ),
    "another server's call": ChatInput(
        [USER, reply("call_0123456789abcdef"), result("call_0123456789abcdef")], TOOLS
    ),
    "arguments that are no object": ChatInput(
        [USER, reply("abcdefghi", arguments="city: Oslo"), result("abcdefghi")], TOOLS
    ),
    "call without an answer": ChatInput([USER, reply("abcdefghi"), USER], TOOLS),
    "empty result": ChatInput([USER, reply("abcdefghi"), result("abcdefghi", "")], TOOLS),
    "tool without description": ChatInput([USER], BARE),
    "call of such a tool": ChatInput([USER, reply("abcdefghi"), result("abcdefghi")], BARE),
}


@functools.cache
def renderer(source: str) -> Renderer:
    return Renderer(TemplateSetup(source, "<s>", "</s>", ("<|im_start|>", "<|im_end|>")))


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_every_message_that_we_send_comes_back_through_every_template(
    form: str, converter: Path
) -> None:
    conversation = FORMS[form]
    refused = {}
    for name, source in templates(converter).items():
        if name not in UNUSABLE:
            outcome = renderer(source).render(conversation, 10_000)
            if not isinstance(outcome, Rendered):
                refused[name] = outcome.reason
            elif SYSTEM in conversation.messages and name not in LOSES_SYSTEM:
                assert "Be brief." in outcome.text, name
    assert refused == {}


def text_of(source: str, *messages: dict[str, Any], tools: Any = ()) -> str:
    outcome = renderer(source).render(ChatInput(list(messages), list(tools)), 10_000)
    assert isinstance(outcome, Rendered), outcome
    return outcome.text


LOOP = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}"


@pytest.mark.parametrize(
    "source",
    [
        "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no') }}{% endif %}"
        "{% endfor %}" + LOOP,
        "{% for m in messages if m.role != 'system' %}<{{ m.role }}>{{ m.content }}{% endfor %}",
    ],
)
def test_without_a_place_for_the_system_its_text_comes_before_the_user_s(source: str) -> None:
    user = {"role": "user", "content": "Hello"}
    assert text_of(source, SYSTEM, user, reply(content="Hi"), user) == (
        "<user>Be brief.\nHello<assistant>Hi<user>Hello"
    )
    assert text_of(source, SYSTEM) == "<user>Be brief."
    assert text_of(LOOP, SYSTEM, user) == "<system>Be brief.<user>Hello"


def test_what_a_template_takes_for_granted_of_tools_is_filled_in() -> None:
    source = "{% for t in tools or [] %}{{ '//' + t.function.description }}{% endfor %}" + LOOP
    assert text_of(source, USER, tools=BARE) == "//<user>Hello"
    assert text_of(source, USER, tools=TOOLS).startswith("//The weather at a place.<user>")


def test_words_and_thoughts_before_a_call_are_kept_where_one_alone_may_be() -> None:
    source = (
        "{% for m in messages %}{% if m.tool_calls and m.content and m.thinking %}"
        "{{ raise_exception('not both') }}{% endif %}{{ m.thinking or '' }}|{{ m.content or '' }};"
        "{% endfor %}"
    )
    message = reply("abcdefghi", content="Wait.", **THOUGHTS)
    assert text_of(source, USER, message) == "|Hello;Count.\n\nWait.|;"
    assert text_of(source, reply(content="Hi", **THOUGHTS)) == "Count.|Hi;"


def test_what_needs_no_repair_has_none() -> None:
    conversation = ChatInput([USER, reply(content="Hi"), USER], TOOLS)
    for messages, tools in repaired(conversation.messages, conversation.tools):
        assert [m["content"] for m in messages] == ["Hello", "Hi", "Hello"]
        assert tools[0]["function"]["name"] == "get_weather"
    assert with_system_in_user([USER]) == [USER]


@pytest.mark.parametrize(
    ("source", "keeps"),
    [
        (LOOP, True),
        ("{% for m in messages %}{{ m.content | trim }}{% endfor %}", True),
        ("{% for m in messages[-8:] %}{{ m.content }}{% endfor %}", False),
        ("{% for m in messages %}{{ m.content[:1000] }}{% endfor %}", False),
        ("{% if messages | length > 9 %}{{ raise_exception('no') }}{% endif %}" + LOOP, False),
    ],
)
def test_a_template_that_leaves_texts_out_is_known(source: str, keeps: bool) -> None:
    assert renderer(source).support().keeps_texts is keeps
