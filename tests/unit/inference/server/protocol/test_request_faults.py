"""A body that can't be read is refused in one plain sentence, with path and allowed values."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from app.core.errors import AppError, ErrorCode
from app.inference.server.completions.chat_request import ChatRequest
from app.inference.server.completions.text_request import CompletionRequest
from app.inference.server.protocol.generation_request import decode_request
from app.inference.server.responses.request import ResponseRequest

USER = [{"role": "user", "content": "Hello"}]


def refusal(body: bytes, kind: type[msgspec.Struct] = ChatRequest) -> str:
    with pytest.raises(AppError) as raised:
        decode_request(body, kind)
    assert raised.value.code is ErrorCode.REQUEST_INVALID
    return str(raised.value.details["reason"])


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        (
            {"messages": [{"role": "wizard", "content": "Hello"}]},
            "`$.messages[0].role` must be “assistant”, “developer”, “system”, “tool” or “user”, "
            "not “wizard”",
        ),
        (
            {"messages": [{"role": "user", "content": [{"text": "Hello"}]}]},
            "`$.messages[0].content[0]` needs the field “type”",
        ),
        ({"messages": []}, "`$.messages` must not be empty"),
        (
            {"messages": [{"role": "user"}]},
            "only messages of the assistant or a tool may have no content (at `$.messages[0]`)",
        ),
        ({"stream": "yes"}, "`$.stream` must be a boolean or null, not a string"),
        ({"stop": 5}, "`$.stop` must be a string, an array or null, not an integer"),
        ({"stop": "x" * 4097}, "`$.stop` must have at most 4096 characters"),
        ({"n": 129}, "`$.n` must be at most 128"),
        ({"n": 0}, "`$.n` must be at least 1"),
        ({"mirostat": 7}, "`$.mirostat` must be 0, 1 or 2, not 7"),
        (
            {"tool_choice": "maybe"},
            "`$.tool_choice` must be “auto”, “none” or “required”, not “maybe”",
        ),
        ({"logit_bias": {"a": 1}}, "a key of `$.logit_bias` must be an integer, not a string"),
        (
            {"chat_template_kwargs": {"a b": 1}},
            "a key of `$.chat_template_kwargs` must match ^[A-Za-z][A-Za-z0-9_]*$",
        ),
    ],
)
def test_the_field_and_its_values_are_named(fields: dict[str, Any], sentence: str) -> None:
    assert refusal(json.dumps({"messages": USER} | fields).encode()) == sentence


def test_a_tag_is_named_with_its_values() -> None:
    body = json.dumps({"input": "Hello", "tool_choice": {"type": "wizard"}}).encode()
    sentence = "`$.tool_choice.type` must be “function” or “allowed_tools”, not “wizard”"
    assert refusal(body, ResponseRequest) == sentence


def test_items_of_items_are_bounded() -> None:
    body = b'{"prompt": [[-1]]}'
    assert refusal(body, CompletionRequest) == "`$.prompt[0][0]` must be at least 0"


def test_a_long_value_is_not_repeated_in_full() -> None:
    body = json.dumps({"messages": USER, "reasoning_effort": "x" * 10**6}).encode()
    assert len(refusal(body)) < 300


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "the body is not valid JSON, or is cut short"),
        (b"null", "the body must be an object, not null"),
        (b"{}", "the body needs the field “messages”"),
        (b'{"messages": "\xff"}', "the body is not valid UTF-8 (byte 14)"),
        (b'{"messages": [}', "the body is not valid JSON (byte 14)"),
        (
            b'{"messages": [{"role": "user", "content": "a"}], "temperature": 1e999}',
            "`$.temperature` is out of range",
        ),
        (
            b'{"json_schema": ' + b"[" * 5_000,
            "`$.json_schema` must be an object or null, not an array",
        ),
        (b'{"json_schema": ' + b'{"a":' * 5_000, "the body is nested too deeply"),
    ],
)
def test_what_is_no_json_is_said_so(body: bytes, sentence: str) -> None:
    assert refusal(body) == sentence


def test_a_tool_is_named_by_its_place() -> None:
    tools = [{"type": "function", "function": {"name": "find", "parameters": 5}}]
    body = json.dumps({"messages": USER, "tools": tools}).encode()
    with pytest.raises(AppError) as raised:
        decode_request(body, ChatRequest).conversation()
    sentence = "`$.tools[0].function.parameters` must be an object or null, not an integer"
    assert raised.value.details["reason"] == sentence
