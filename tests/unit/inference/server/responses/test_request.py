"""What clients may ask of `/v1/responses`: bounds on every field, and refusals in words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.core.errors import AppError, ErrorCode
from app.inference.sampling.parameters import SamplingParameters
from app.inference.server.protocol.generation_request import decode_request
from app.inference.server.protocol.tool_choice import ToolChoice
from app.inference.server.responses.request import ResponseRequest

PARAMETERS = {"type": "object", "properties": {"corn": {"type": "integer"}}}
GRIND = {"type": "function", "name": "grind", "parameters": PARAMETERS, "strict": True}
BAKE = {"type": "function", "name": "bake"}
DEEP: dict[str, Any] = {}
for _ in range(150):
    DEEP = {"a": DEEP}


def asked(**fields: Any) -> ResponseRequest:
    return decode_request(json.dumps({"input": "Hello"} | fields).encode(), ResponseRequest)


def refusal(**fields: Any) -> str:
    with pytest.raises(AppError) as raised:
        asked(**fields).conversation()
    assert raised.value.code is ErrorCode.REQUEST_INVALID
    return str(raised.value.details["reason"])


def test_the_least_that_can_be_asked() -> None:
    request = asked()
    assert request.conversation().messages == [{"role": "user", "content": "Hello"}]
    assert request.sampling(SamplingParameters()) == SamplingParameters()
    assert (request.stream, request.token_limit(), request.requested_format()) == (
        False,
        None,
        None,
    )
    assert (request.overflow(), request.top_logprobs_count()) == ("stop", None)


def test_what_is_null_or_unknown_counts_as_not_given() -> None:
    names = (
        *("instructions", "max_output_tokens", "text", "tools", "tool_choice", "metadata"),
        *("reasoning", "truncation", "include", "temperature", "top_p", "background", "prompt"),
        *("previous_response_id", "conversation", "parallel_tool_calls", "stream", "unknown"),
    )
    request = asked(**dict.fromkeys(names), store=True, user="me", service_tier="auto")
    assert request.conversation() == asked().conversation()
    assert request.echo(SamplingParameters()) == asked().echo(SamplingParameters())


def test_everything_holds_that_is_asked() -> None:
    request = asked(
        max_output_tokens=5,
        temperature=0,
        top_p=0.5,
        truncation="auto",
        include=["message.output_text.logprobs"],
        top_logprobs=3,
        instructions="Be brief.",
    )
    assert request.sampling(SamplingParameters()) == SamplingParameters(temperature=0, top_p=0.5)
    assert (request.token_limit(), request.overflow(), request.top_logprobs_count()) == (
        5,
        "shift",
        3,
    )
    echo = request.echo(request.sampling(SamplingParameters()))
    assert (echo["temperature"], echo["top_p"], echo["max_output_tokens"]) == (0, 0.5, 5)
    assert (echo["truncation"], echo["instructions"]) == ("auto", "Be brief.")
    assert echo["store"] is False


def test_functions_reach_the_template_in_its_form_and_come_back_in_theirs() -> None:
    request = asked(tools=[GRIND, BAKE])
    function = {"name": "grind", "parameters": PARAMETERS}
    assert request.conversation().tools == [
        {"type": "function", "function": function},
        {"type": "function", "function": {"name": "bake"}},
    ]
    first, second = request.echo(SamplingParameters())["tools"]
    assert (first | GRIND, second["name"]) == (first, "bake")


def test_tools_that_can_not_be_offered_are_left_out_and_named() -> None:
    others = [{"type": "web_search"}, {"type": "namespace", "name": "mill", "tools": [BAKE]}]
    request = asked(tools=[others[0], GRIND, others[1]])
    (offered,) = request.conversation().tools
    assert offered["function"]["name"] == "grind"
    assert request.unsupported_tools() == ["tools[0] (web_search)", "tools[2] (namespace)"]
    assert [tool["name"] for tool in request.echo(SamplingParameters())["tools"]] == ["grind"]


ALLOWED = {"type": "allowed_tools", "tools": [{"type": "function", "name": "bake"}]}


@pytest.mark.parametrize(
    ("choice", "parallel", "expected", "offered"),
    [
        (None, None, ToolChoice(), ["grind", "bake"]),
        ("auto", False, ToolChoice(max_calls=1), ["grind", "bake"]),
        ("none", None, ToolChoice(only=()), []),
        ("required", None, ToolChoice(True, None, 1), ["grind", "bake"]),
        ("required", True, ToolChoice(True, None, None), ["grind", "bake"]),
        ({"type": "function", "name": "bake"}, True, ToolChoice(True, ("bake",), 1), ["bake"]),
        (ALLOWED | {"mode": "auto"}, None, ToolChoice(False, ("bake",)), ["bake"]),
        (ALLOWED | {"mode": "required"}, None, ToolChoice(True, ("bake",), 1), ["bake"]),
    ],
)
def test_a_choice_decides_what_may_and_what_must_be_called(
    choice: object, parallel: bool | None, expected: ToolChoice, offered: list[str]
) -> None:
    request = asked(tools=[GRIND, BAKE], tool_choice=choice, parallel_tool_calls=parallel)
    assert request.choice() == expected
    tools = request.conversation().tools
    assert [tool["function"]["name"] for tool in tools] == offered
    assert request.echo(SamplingParameters())["tool_choice"] == (choice or "auto")


def test_forms_become_schemas() -> None:
    schema = {"type": "object", "properties": {"corn": {"type": "integer"}}, "required": ["corn"]}
    wanted = {"type": "json_schema", "name": "mill", "schema": schema, "strict": True}
    request = asked(text={"format": wanted, "verbosity": "low"})
    assert request.requested_schema() == schema
    assert request.echo(SamplingParameters())["text"] == {"format": wanted}
    assert asked(text={"format": {"type": "json_object"}}).requested_schema() == {"type": "object"}
    assert asked(text={"format": {"type": "text"}}).requested_schema() is None
    with pytest.raises(AppError, match="“grammar”"):
        asked(text={"format": wanted}, grammar='root ::= "a"').requested_schema()


@pytest.mark.parametrize(
    ("effort", "options"),
    [(None, {}), ("none", {"enable_thinking": False}), ("low", {"reasoning_effort": "low"})],
)
def test_how_much_is_thought_is_told_to_the_template(effort: object, options: object) -> None:
    assert asked(reasoning={"effort": effort}).conversation().options == options


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"previous_response_id": "resp_1"}, "without “previous_response_id”"),
        ({"conversation": "conv_1"}, "without “conversation”"),
        ({"conversation": {"id": "conv_1"}}, "without “conversation”"),
        ({"prompt": {"id": "pmpt_1"}}, "without “prompt”"),
        ({"background": True}, "without “background”"),
        ({"tool_choice": "required"}, "there are no “tools”"),
        ({"tools": [BAKE], "tool_choice": {"type": "function", "name": "fly"}}, "“fly”"),
        ({"tools": [BAKE | {"parameters": DEEP}]}, "deep"),
        ({"tools": [{"type": 5}]}, "$.tools[0].type"),
        ({"tools": [{"type": "web_search"}], "tool_choice": "required"}, "there are no “tools”"),
        ({"tools": [{"type": "function"}]}, "name"),
        ({"tools": [BAKE] * 1025}, "$.tools"),
        ({"tool_choice": "maybe"}, "$.tool_choice"),
        ({"tool_choice": {"type": "file_search"}}, "$.tool_choice"),
        ({"text": {"format": {"type": "json_schema", "name": "mill"}}}, "“schema”"),
        ({"text": {"format": {"type": "yaml"}}}, "$.text.format.type"),
        ({"reasoning": {"effort": "boundless"}}, "$.reasoning.effort"),
        ({"input": []}, "$.input"),
        ({"input": None}, "$.input"),
        ({"input": [{"role": "user", "content": 5}]}, "$.input[0].content"),
        ({"input": [{"role": "user"}]}, "$.input[0]"),
        ({"input": [{"role": "user", "content": ""}] * 16_385}, "$.input"),
        ({"max_output_tokens": -2}, "$.max_output_tokens"),
        ({"max_output_tokens": 2**24 + 1}, "$.max_output_tokens"),
        ({"temperature": 5.1}, "$.temperature"),
        ({"top_p": -0.1}, "$.top_p"),
        ({"top_logprobs": 21}, "$.top_logprobs"),
        ({"include": "all"}, "$.include"),
        ({"truncation": "some"}, "$.truncation"),
        ({"metadata": {"a": 1}}, "$.metadata"),
        ({"metadata": {"a" * 65: ""}}, "metadata"),
        ({"metadata": {"a": "b" * 513}}, "$.metadata"),
        ({"metadata": {str(n): "" for n in range(17)}}, "$.metadata"),
        ({"stream": "yes"}, "$.stream"),
        ({"instructions": 5}, "$.instructions"),
    ],
)
def test_what_can_not_be_is_refused_with_its_place(fields: dict[str, Any], reason: str) -> None:
    assert reason in refusal(**fields)
