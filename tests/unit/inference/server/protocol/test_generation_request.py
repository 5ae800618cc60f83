"""What clients may ask for: bounds on every field, unknown fields named, refusals in words."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from app.core.errors import AppError, ErrorCode
from app.inference.prompts.rendering import ChatInput
from app.inference.sampling.parameters import SamplingParameters
from app.inference.server.completions.chat_request import ChatRequest
from app.inference.server.completions.text_request import CompletionRequest
from app.inference.server.protocol.generation_request import decode_request, decode_with_unknown
from app.inference.server.protocol.tool_choice import ToolChoice

USER = [{"role": "user", "content": "Hello"}]


def chat(**fields: Any) -> ChatRequest:
    return decode_request(json.dumps({"messages": USER} | fields).encode(), ChatRequest)


def refusal(body: bytes) -> str:
    with pytest.raises(AppError) as raised:
        decode_request(body, ChatRequest)
    assert raised.value.code is ErrorCode.REQUEST_INVALID
    return str(raised.value.details["reason"])


def test_the_least_that_can_be_asked() -> None:
    asked = chat()
    assert asked.sampling(SamplingParameters()) == SamplingParameters()
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
    assert asked.sampling(SamplingParameters()) == SamplingParameters(**given)
    assert (asked.stops(), asked.token_limit(), asked.wants_usage) == (("a", "b"), 5, True)


def test_what_is_null_counts_as_not_given() -> None:
    for name in msgspec.structs.fields(ChatRequest):
        if name.name not in ("messages", "stream"):
            assert chat(**{name.name: None}) == chat()
    assert chat(audio=None, echo=None, samplers=None) == chat()


def test_the_newer_name_of_the_limit_wins() -> None:
    assert chat(max_tokens=5, max_completion_tokens=9).token_limit() == 9


def test_unknown_fields_are_named() -> None:
    body = json.dumps({"messages": USER, "oven": 1, "Store": True, "user": "me"}).encode()
    assert decode_with_unknown(body, ChatRequest) == (chat(), ["Store", "oven"])


@pytest.mark.parametrize(
    "fields",
    [
        {"user": "me", "metadata": {"a": [1, {"b": None}]}, "store": True, "service_tier": "flex"},
        {"prompt_cache_key": "k", "safety_identifier": "s", "prediction": {"type": "content"}},
        {"modalities": ["text"], "function_call": "auto", "functions": [], "verbosity": "low"},
        {"cache_prompt": False, "samplers": None, "id_slot": -1, "lora": [], "top_n_sigma": -1},
    ],
)
def test_fields_that_change_nothing_are_taken(fields: dict[str, Any]) -> None:
    body = json.dumps({"messages": USER} | fields).encode()
    assert decode_with_unknown(body, ChatRequest) == (chat(), [])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("audio", {"voice": "alloy"}),
        ("modalities", ["text", "audio"]),
        ("functions", [{"name": "grind"}]),
        ("best_of", 2),
        ("echo", True),
        ("echo", 0),
        ("suffix", "end"),
        ("web_search_options", {}),
        ("top_n_sigma", 1.5),
        ("samplers", ["top_k"]),
        ("dynatemp_range", 0.5),
        ("lora", [{"id": 0, "scale": 1}]),
        ("return_tokens", True),
        ("continue_final_message", True),
        ("id_slot", 10**400),
    ],
)
def test_a_field_that_can_not_be_honored_is_refused_by_name(name: str, value: object) -> None:
    assert f"$.{name}" in refusal(json.dumps({"messages": USER, name: value}).encode())


def test_tools_that_can_not_be_offered_are_left_out_and_named() -> None:
    function = {"type": "function", "function": {"name": "find"}}
    asked = chat(tools=[{"type": "web_search"}, function, {"type": "custom", "custom": {}}])
    assert asked.conversation().tools == [function]
    assert asked.unsupported_tools() == ["tools[0] (web_search)", "tools[2] (custom)"]


def test_names_and_values_of_llama_server_are_taken() -> None:
    asked = chat(n_predict=-1, repeat_last_n=9, top_k=-1, n_cmpl=2, stop=["", "a", *"b" * 20])
    assert (asked.token_limit(), asked.count()) == (None, 2)
    assert asked.stops() == ("a", *"b" * 20)
    sampling = asked.sampling(SamplingParameters())
    assert (sampling.penalty_last_n, sampling.top_k) == (9, -1)
    assert chat(max_tokens=-1).token_limit() is None
    assert chat(max_completion_tokens=-1, max_tokens=5).token_limit() is None
    assert chat(json_schema={"const": 7}).requested_schema() == {"const": 7}


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens", "n_predict"])
def test_a_limit_of_no_tokens_is_refused(name: str) -> None:
    with pytest.raises(AppError) as raised:
        chat(**{name: 0}).token_limit()
    assert f"$.{name}" in str(raised.value.details["reason"])


def test_how_much_is_thought_is_told_to_the_template() -> None:
    assert chat(reasoning_effort="low").conversation().options == {"reasoning_effort": "low"}
    assert chat(reasoning_effort="none").conversation().options == {"enable_thinking": False}


@pytest.mark.parametrize(
    "message",
    [
        {"role": "assistant", "content": None},
        {"role": "assistant", "content": None, "tool_calls": []},
        {"role": "assistant", "content": None, "reasoning_content": "hm"},
        {"role": "tool", "tool_call_id": "a", "content": None},
    ],
)
def test_messages_without_content_have_an_empty_one(message: dict[str, Any]) -> None:
    (read,) = chat(messages=[message]).conversation().messages
    assert read["content"] == ""


@pytest.mark.parametrize(
    ("seed", "expected"), [(-1, 2**32 - 1), (2**32 + 5, 5), (10**30, 10**30 % 2**32)]
)
def test_any_whole_number_is_a_seed(seed: int, expected: int) -> None:
    assert chat(seed=seed).sampling(SamplingParameters()).seed == expected


def test_the_parts_of_a_text_are_joined() -> None:
    parts = [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]
    (message,) = chat(messages=[{"role": "user", "content": parts}]).messages
    assert message.for_template() == {"role": "user", "content": "one\ntwo"}


def test_the_developer_is_the_system() -> None:
    (message,) = chat(messages=[{"role": "developer", "content": "Be brief."}]).messages
    assert message.for_template() == {"role": "system", "content": "Be brief."}


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
    assert asked.conversation() == ChatInput(
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
        (
            {
                "type": "allowed_tools",
                "allowed_tools": {"mode": "required", "tools": [{"function": {"name": "bake"}}]},
            },
            [BAKE],
        ),
    ],
)
def test_a_choice_decides_what_is_offered(choice: object, offered: list[object]) -> None:
    assert chat(tools=[TOOL, BAKE], tool_choice=choice).conversation().tools == offered


NAMED = {"type": "function", "function": {"name": "bake"}}


@pytest.mark.parametrize(
    ("choice", "parallel", "expected"),
    [
        (None, None, ToolChoice()),
        ("auto", False, ToolChoice(max_calls=1)),
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
        ({"tools": [{"type": 7}]}, "$.tools[0].type"),
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
    assert reason in str(raised.value.details["reason"])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("stream", "yes"),
        ("stream", 1),
        ("n", 129),
        ("n", 0),
        ("max_tokens", -2),
        ("max_tokens", 1.5),
        ("max_tokens", "5"),
        ("max_tokens", 2**24 + 1),
        ("max_tokens", 10**400),
        ("temperature", -0.1),
        ("temperature", 5.1),
        ("temperature", "hot"),
        ("top_k", -2),
        ("top_k", 10**7),
        ("top_p", 1.01),
        ("min_p", -0.01),
        ("repeat_penalty", 0),
        ("frequency_penalty", 2.1),
        ("presence_penalty", -2.1),
        ("seed", 1.5),
        ("stop", ["x"] * 257),
        ("stop", "x" * 4097),
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
        message.for_template()
    assert raised.value.code is ErrorCode.REQUEST_INVALID
    assert raised.value.details == {"reason": f"only text can be read, not “{kind}”"}


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


def prompts(**fields: Any) -> list[str | list[int]]:
    return decode_request(json.dumps(fields).encode(), CompletionRequest).prompts()


def test_prompts_are_texts_or_tokens() -> None:
    assert prompts(prompt="a\0b") == ["a\0b"]
    assert prompts(prompt=["a", "b"]) == ["a", "b"]
    assert prompts(prompt=[1, 2]) == [[1, 2]]
    assert prompts(prompt=[[1, 2], "a", [3]]) == [[1, 2], "a", [3]]


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"prompt": None},
        {"prompt": []},
        {"prompt": [[]]},
        {"prompt": [1, "a"]},
        {"prompt": [[-1]]},
        {"prompt": ["a"] * 129},
        {"prompt": ["a"] * 65, "n": 2},
    ],
)
def test_what_is_no_prompt_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(AppError):
        prompts(**fields)
