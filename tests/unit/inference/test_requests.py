"""What clients may ask for: bounds on every field, unknown fields ignored, refusals in words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.core.errors import AppError, ErrorCode
from app.inference.rendering import Conversation
from app.inference.requests import ChatRequest, CompletionRequest, decode_request
from app.inference.sampling import Sampling
from app.inference.tool_choice import ToolChoice

USER = [{"role": "user", "content": "Hello"}]


def chat(**fields: Any) -> ChatRequest:
    return decode_request(json.dumps({"messages": USER} | fields).encode(), ChatRequest)


def refusal(body: bytes) -> str:
    with pytest.raises(AppError) as raised:
        decode_request(body, ChatRequest)
    assert raised.value.code is ErrorCode.REQUEST_INVALID
    return str(raised.value.facts["reason"])


def test_the_least_that_can_be_asked() -> None:
    asked = chat()
    assert asked.sampling(Sampling()) == Sampling()
    assert (asked.stops(), asked.token_limit(), asked.stream, asked.wants_usage) == (
        (),
        None,
        False,
        False,
    )


def test_everything_that_can_be_asked() -> None:
    given = {
        "temperature": 0,
        "top_k": 1,
        "top_p": 0.5,
        "min_p": 0.1,
        "repeat_penalty": 1.1,
        "frequency_penalty": -1,
        "presence_penalty": 1.5,
        "seed": 7,
    }
    asked = chat(**given, max_tokens=5, stop=["a", "b"], stream_options={"include_usage": True})
    assert asked.sampling(Sampling()) == Sampling(**given)
    assert (asked.stops(), asked.token_limit(), asked.wants_usage) == (("a", "b"), 5, True)


def test_what_is_null_counts_as_not_given() -> None:
    names = ("max_tokens", "stop", "seed", "temperature", "top_p", "stream_options")
    assert chat(**dict.fromkeys(names)) == chat()


def test_the_newer_name_of_the_limit_wins() -> None:
    assert chat(max_tokens=5, max_completion_tokens=9).token_limit() == 9


def test_unknown_fields_are_ignored() -> None:
    assert chat(best_of=2, user="me", metadata={"a": [1, {"b": None}]}) == chat()


@pytest.mark.parametrize(
    ("seed", "expected"), [(-1, 2**32 - 1), (2**32 + 5, 5), (10**30, 10**30 % 2**32)]
)
def test_any_whole_number_is_a_seed(seed: int, expected: int) -> None:
    assert chat(seed=seed).sampling(Sampling()).seed == expected


def test_the_parts_of_a_text_are_joined() -> None:
    parts = [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]
    (message,) = chat(messages=[{"role": "user", "content": parts}]).messages
    assert message.as_variables() == {"role": "user", "content": "one\ntwo"}


def test_the_developer_is_the_system() -> None:
    (message,) = chat(messages=[{"role": "developer", "content": "Be brief."}]).messages
    assert message.as_variables() == {"role": "system", "content": "Be brief."}


TOOL = {
    "type": "function",
    "function": {"name": "grind", "parameters": {"type": "object", "x-own": [1.5, None]}},
}
BAKE = {"type": "function", "function": {"name": "bake", "description": "Bake.", "strict": True}}


def test_a_conversation_with_tools_is_as_templates_take_it() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "grind", "arguments": '{"a": 1}'}}
    asked = chat(
        messages=[
            *USER,
            {"role": "assistant", "content": None, "tool_calls": [call], "refusal": None},
            {"role": "tool", "tool_call_id": "c1", "content": "flour"},
            {"role": "assistant", "content": "Done.", "reasoning_content": "Hm."},
        ],
        tools=[TOOL, BAKE],
        chat_template_kwargs={"enable_thinking": False, "style": "brief", "depth": 2},
    )
    as_object = {"name": "grind", "arguments": {"a": 1}}
    assert asked.conversation() == Conversation(
        [
            *USER,
            {
                "role": "assistant",
                "tool_calls": [{"id": "c1", "type": "function", "function": as_object}],
            },
            {"role": "tool", "tool_call_id": "c1", "content": "flour"},
            {
                "role": "assistant",
                "content": "Done.",
                "reasoning_content": "Hm.",
                "thinking": "Hm.",
            },
        ],
        [TOOL, BAKE],
        {"enable_thinking": False, "style": "brief", "depth": 2},
    )


@pytest.mark.parametrize(
    ("choice", "offered"),
    [
        (None, [TOOL, BAKE]),
        ("auto", [TOOL, BAKE]),
        ("required", [TOOL, BAKE]),
        ("none", []),
        ({"type": "function", "function": {"name": "bake"}}, [BAKE]),
    ],
)
def test_a_choice_decides_what_is_offered(choice: object, offered: list[object]) -> None:
    assert chat(tools=[TOOL, BAKE], tool_choice=choice).conversation().tools == offered


NAMED = {"type": "function", "function": {"name": "bake"}}


@pytest.mark.parametrize(
    ("choice", "parallel", "expected"),
    [
        (None, None, ToolChoice()),
        ("auto", False, ToolChoice(most_calls=1)),
        ("none", True, ToolChoice(only=())),
        ("required", None, ToolChoice(True, None, 1)),
        ("required", True, ToolChoice(True, None, None)),
        (NAMED, True, ToolChoice(True, ("bake",), 1)),
    ],
)
def test_a_choice_decides_what_must_be_called(
    choice: object, parallel: bool | None, expected: ToolChoice
) -> None:
    asked = chat(tools=[TOOL, BAKE], tool_choice=choice, parallel_tool_calls=parallel)
    assert asked.choice() == expected


@pytest.mark.parametrize("arguments", ["", "[1]", "not JSON", '"text"', "[" * 50_000])
def test_arguments_that_are_no_object_stay_as_they_are(arguments: str) -> None:
    call = {"function": {"name": "grind", "arguments": arguments}}
    messages = [{"role": "assistant", "tool_calls": [call]}]
    (message,) = chat(messages=messages).conversation().messages
    expected: object = arguments if arguments else {}
    assert message["tool_calls"][0]["function"]["arguments"] == expected


DEEP: dict[str, Any] = {}
for _ in range(150):
    DEEP = {"a": DEEP}


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"tools": [5]}, "$.tools[0]"),
        ({"tools": [TOOL, {"type": "function"}]}, "$.tools[1]"),
        ({"tools": [{"type": "web_search"}]}, "$.tools[0].type"),
        ({"tools": [TOOL | {"function": {"name": ""}}]}, "$.tools[0].function.name"),
        ({"tools": [{"type": "function", "function": {"name": "a", "parameters": DEEP}}]}, "deep"),
        (
            {
                "messages": [
                    {
                        "role": "assistant",
                        "tool_calls": [{"function": {"name": "a", "arguments": DEEP}}],
                    }
                ]
            },
            "deep",
        ),
        (
            {"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "fly"}}},
            "“fly”",
        ),
        ({"tool_choice": "required"}, "there are no “tools”"),
    ],
)
def test_tools_that_are_none_are_refused_with_their_place(
    fields: dict[str, Any], reason: str
) -> None:
    with pytest.raises(AppError) as raised:
        chat(**fields).conversation()
    assert raised.value.code is ErrorCode.REQUEST_INVALID
    assert reason in str(raised.value.facts["reason"])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("stream", "yes"),
        ("stream", 1),
        ("n", 2),
        ("n", 0),
        ("max_tokens", 0),
        ("max_tokens", -1),
        ("max_tokens", 1.5),
        ("max_tokens", "5"),
        ("max_tokens", 2**24 + 1),
        ("max_tokens", 10**400),
        ("max_completion_tokens", 0),
        ("temperature", -0.1),
        ("temperature", 5.1),
        ("temperature", "hot"),
        ("top_k", -1),
        ("top_k", 10**7),
        ("top_p", 1.01),
        ("min_p", -0.01),
        ("repeat_penalty", 0),
        ("frequency_penalty", 2.1),
        ("presence_penalty", -2.1),
        ("seed", 1.5),
        ("stop", ""),
        ("stop", [""]),
        ("stop", ["x"] * 17),
        ("stop", "x" * 257),
        ("stop", 5),
        ("stream_options", {"include_usage": "yes"}),
        ("model", "m" * 1025),
        ("messages", []),
        ("messages", "Hello"),
        ("messages", None),
        ("messages", [None]),
        ("messages", [{"role": "user"}]),
        ("messages", [{"content": "Hello"}]),
        ("messages", [{"role": "wizard", "content": "Hello"}]),
        ("messages", [{"role": "user", "content": 5}]),
        ("messages", [{"role": "user", "content": None}]),
        ("messages", [{"role": "user", "content": [{"text": "Hello"}]}]),
        ("messages", [{"role": "user", "content": [{"type": "text", "text": 5}]}]),
        ("messages", USER * 16_385),
        ("messages", [{"role": "assistant", "content": None}]),
        ("messages", [{"role": "assistant", "tool_calls": []}]),
        ("messages", [{"role": "assistant", "tool_calls": [{"function": {"name": ""}}]}]),
        ("tools", {}),
        ("tool_choice", "maybe"),
        ("tool_choice", {"type": "function", "function": {}}),
        ("reasoning_format", "guess"),
        ("chat_template_kwargs", {"a": []}),
        ("chat_template_kwargs", {"a b": 1}),
        ("chat_template_kwargs", {"__class__": 1}),
        ("chat_template_kwargs", {f"a{i}": i for i in range(33)}),
    ],
)
def test_a_wrong_value_is_refused_with_its_place(field: str, value: object) -> None:
    body = json.dumps({"messages": USER, field: value}).encode()
    assert f"$.{field}" in refusal(body)


@pytest.mark.parametrize("kind", ["image_url", "input_audio", "file"])
def test_what_is_not_text_is_refused_in_words(kind: str) -> None:
    parts = [{"type": kind, kind: {"url": "file:///etc/passwd"}}]
    (message,) = chat(messages=[{"role": "user", "content": parts}]).messages
    with pytest.raises(AppError) as raised:
        message.as_variables()
    assert raised.value.code is ErrorCode.REQUEST_INVALID
    assert raised.value.facts == {"reason": f"only text can be read, not “{kind}”"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"text"',
        b"{}",
        b"\xff\xfe",
        b'{"messages": "\xff"}',
        b'{"messages": [{"role": "user", "content": "\\ud800"}]}',
        b'{"messages": [{"role": "user", "content": "a"}], "temperature": NaN}',
        b'{"messages": [{"role": "user", "content": "a"}], "temperature": 1e999}',
        b'{"unknown": ' + b"[" * 100_000,
        b'{"messages": ' + b"[" * 100_000,
    ],
)
def test_what_is_no_request_is_refused(body: bytes) -> None:
    assert refusal(body)


def test_a_prompt_is_one_text() -> None:
    assert decode_request(b'{"prompt": "a\\u0000b"}', CompletionRequest).prompt == "a\0b"
    for wrong in (b"{}", b'{"prompt": ["a"]}', b'{"prompt": [1, 2]}', b'{"prompt": null}'):
        with pytest.raises(AppError):
            decode_request(wrong, CompletionRequest)
