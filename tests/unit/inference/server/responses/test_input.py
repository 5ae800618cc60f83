"""Items of `/v1/responses` as messages: what belongs to one turn becomes one message."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from app.core.errors import AppError
from app.inference.server.responses.input import InputItem, messages_of

USER = {"role": "user", "content": "Hello"}
CALL = {"type": "function_call", "call_id": "c1", "name": "grind", "arguments": '{"corn": 1}'}
CALLED = {
    "id": "c1",
    "type": "function",
    "function": {"name": "grind", "arguments": {"corn": 1}},
}
THOUGHTS = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": None}
HM = {"reasoning_content": "Hm.", "thinking": "Hm."}


def text(kind: str, words: str) -> dict[str, Any]:
    return {"type": kind, "text": words, "annotations": []}


def messages(*items: dict[str, Any], instructions: str | None = None) -> list[dict[str, Any]]:
    return messages_of(instructions, msgspec.convert(items, list[InputItem]))


def test_a_text_is_what_the_user_says() -> None:
    assert messages_of(None, "Hello") == [USER]
    assert messages_of("Be brief.", "Hello") == [{"role": "system", "content": "Be brief."}, USER]


def test_instructions_and_the_first_system_messages_are_one() -> None:
    given = (
        {"role": "developer", "content": "Be kind."},
        {"role": "system", "content": [text("input_text", "Use "), text("input_text", "words.")]},
        USER,
        {"role": "system", "content": "Be quick."},
    )
    assert messages(*given, instructions="Be brief.") == [
        {"role": "system", "content": "Be brief.\n\nBe kind.\n\nUse \nwords."},
        USER,
        {"role": "system", "content": "Be quick."},
    ]


def test_thoughts_text_and_calls_of_one_turn_are_one_message() -> None:
    said = {
        "type": "message",
        "id": "msg_1",
        "role": "assistant",
        "status": "completed",
        "content": [text("output_text", "I'll see.")],
    }
    result = {"type": "function_call_output", "call_id": "c1", "output": "flour"}
    thoughts = THOUGHTS | {"content": [text("reasoning_text", "Hm.")]}
    assert messages(USER, thoughts, said, CALL, result, said) == [
        USER,
        {"role": "assistant", "content": "I'll see.", "tool_calls": [CALLED]} | HM,
        {"role": "tool", "content": "flour", "tool_call_id": "c1", "name": "grind"},
        {"role": "assistant", "content": "I'll see."},
    ]


def test_calls_at_once_stand_together_and_a_summary_counts_as_thoughts() -> None:
    other = CALL | {"call_id": "c2", "arguments": ""}
    result = {"type": "function_call_output", "call_id": "c2"}
    output = [text("input_text", "one"), text("input_text", "two")]
    thoughts = THOUGHTS | {"summary": [text("summary_text", "Hm.")]}
    empty = {"id": "c2", "type": "function", "function": {"name": "grind", "arguments": {}}}
    assert messages(thoughts, CALL, other, result | {"output": output}) == [
        {"role": "assistant", "tool_calls": [CALLED, empty]} | HM,
        {"role": "tool", "content": "one\ntwo", "tool_call_id": "c2", "name": "grind"},
    ]


def test_a_refusal_is_read_and_a_picture_is_not() -> None:
    refused = {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]}
    assert messages(refused) == [{"role": "assistant", "content": "No."}]
    picture = {"role": "user", "content": [{"type": "input_image", "image_url": "file:///x"}]}
    with pytest.raises(AppError) as raised:
        messages(picture)
    assert raised.value.details == {"reason": "only text can be read, not “input_image”"}


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        ({"role": "user"}, "“message” needs “content”"),
        ({"content": "Hello"}, "“message” needs “role”"),
        ({"type": "function_call", "call_id": "c1"}, "“function_call” needs “name”"),
        ({"type": "function_call_output", "call_id": "c1"}, "needs “output”"),
        ({"type": "item_reference", "id": "msg_1"}, "item_reference"),
        ({"role": "wizard", "content": "Hello"}, "wizard"),
        (USER | {"content": [{"text": "Hello"}]}, "type"),
    ],
)
def test_an_item_that_is_none_is_refused(item: dict[str, Any], reason: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=reason):
        messages(item)
