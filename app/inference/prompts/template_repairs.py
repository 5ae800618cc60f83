"""Rewrite conversations into forms that templates expect.

A template may need fields that OpenAI's API omits, or refuse forms that another template needs.
Before giving it up, or reporting its refusal, equivalent forms of the conversation are tried. A
repair with nothing to change returns the conversation as it was.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

Message = dict[str, Any]
Messages = list[Message]
Tool = dict[str, Any]
Parts = tuple[Messages, list[Tool]]
_CALL_ID_LETTERS = 9
_NO_PARAMETERS: dict[str, Any] = {"type": "object", "properties": {}}


def repaired(messages: Messages, tools: list[Tool]) -> Iterator[Parts]:
    """Yield other forms of a conversation, first with single repairs, then cumulative ones."""
    given = (messages, tools)
    for repair in _REPAIRS:
        if (changed := repair(*given)) != given:
            yield changed
    changed = given
    for repair in _REPAIRS:
        before, changed = changed, repair(*changed)
        if changed != before:
            yield changed


def with_system_in_user(messages: Messages) -> Messages:
    """Move system messages before the user's first text, as llama.cpp does (common/chat.cpp).

    If there is no user message, they become one.
    """
    said = [message["content"] for message in messages if message["role"] == "system"]
    others = [message for message in messages if message["role"] != "system"]
    if not said:
        return messages
    place = next((n for n, message in enumerate(others) if message["role"] == "user"), None)
    if place is None:
        return [{"role": "user", "content": "\n".join(said)}, *others]
    text = "\n".join((*said, others[place]["content"]))
    return [*others[:place], others[place] | {"content": text}, *others[place + 1 :]]


def _fill_contents(messages: Messages, tools: list[Tool]) -> Parts:
    return [{"content": ""} | message for message in messages], tools


def _fill_tools(messages: Messages, tools: list[Tool]) -> Parts:
    return messages, [tool | {"function": _filled(tool["function"])} for tool in tools]


def _filled(function: Mapping[str, Any]) -> dict[str, Any]:
    parameters = _NO_PARAMETERS | (function.get("parameters") or {})
    if isinstance(parameters["properties"], dict):
        parameters["properties"] = {
            name: {"type": "string", "description": ""} | value
            if isinstance(value, dict)
            else value
            for name, value in parameters["properties"].items()
        }
    return {"description": "", **function, "parameters": {"required": [], **parameters}}


def _make_arguments_objects(messages: Messages, tools: list[Tool]) -> Parts:
    def change(call: dict[str, Any]) -> dict[str, Any]:
        function = call["function"]
        if isinstance(function["arguments"], dict):
            return call
        return call | {"function": function | {"arguments": {"arguments": function["arguments"]}}}

    return [_with_calls(message, change) for message in messages], tools


def _merge_content_into_reasoning(messages: Messages, tools: list[Tool]) -> Parts:
    """Merge content into reasoning, for gpt-oss: a call follows one or the other, not both."""

    def change(message: Message) -> Message:
        words, thoughts = message.get("content"), message.get("reasoning_content")
        if not (message.get("tool_calls") and words and thoughts):
            return message
        both = f"{thoughts}\n\n{words}"
        return message | {"content": "", "reasoning_content": both, "thinking": both}

    return [change(message) for message in messages], tools


def _shorten_call_ids(messages: Messages, tools: list[Tool]) -> Parts:
    """Shorten call IDs to nine letters and digits, for Mistral."""

    def change(call: dict[str, Any]) -> dict[str, Any]:
        return call | {"id": _short(call.get("id", ""))}

    changed = [_with_calls(message, change) for message in messages]
    return [
        message | {"tool_call_id": _short(message["tool_call_id"])}
        if "tool_call_id" in message
        else message
        for message in changed
    ], tools


def _short(call_id: str) -> str:
    if len(call_id) == _CALL_ID_LETTERS and call_id.isascii() and call_id.isalnum():
        return call_id
    return hashlib.sha256(call_id.encode("utf-8", "replace")).hexdigest()[:_CALL_ID_LETTERS]


def _split_calls(messages: Messages, tools: list[Tool]) -> Parts:
    """Split parallel calls, each followed by its answer, for Llama 3."""
    answers = {
        message["tool_call_id"]: message for message in messages if "tool_call_id" in message
    }
    split: Messages = []
    placed = set()
    for message in messages:
        calls = message.get("tool_calls") or []
        if len(calls) < 2:  # noqa: PLR2004 - there is nothing to part
            if message.get("tool_call_id") not in placed:
                split.append(message)
            continue
        for number, call in enumerate(calls):
            first = message if number == 0 else {"role": message["role"]}
            split.append(first | {"tool_calls": [call]})
            if call.get("id") in answers:
                placed.add(call["id"])
                split.append(answers[call["id"]])
    return split, tools


def _move_system(messages: Messages, tools: list[Tool]) -> Parts:
    return with_system_in_user(messages), tools


def _write_calls_out(messages: Messages, tools: list[Tool]) -> Parts:
    """Write calls and their answers as text, as in Hermes, for templates without tools.

    https://github.com/NousResearch/Hermes-Function-Calling
    """

    def change(message: Message) -> Message:
        if message["role"] == "tool":
            text = f"<tool_response>\n{message.get('content', '')}\n</tool_response>"
            return {"role": "user", "content": text}
        calls = message.get("tool_calls")
        if not calls:
            return message
        texts = [message.get("content") or "", *(_written_out(call) for call in calls)]
        rest = {name: value for name, value in message.items() if name != "tool_calls"}
        return rest | {"content": "\n".join(filter(None, texts))}

    return [change(message) for message in messages], tools


def _written_out(call: Mapping[str, Any]) -> str:
    function = {name: call["function"][name] for name in ("name", "arguments")}
    return f"<tool_call>\n{json.dumps(function, ensure_ascii=False)}\n</tool_call>"


def _join_neighbors(messages: Messages, tools: list[Tool]) -> Parts:
    """Drop empty replies and merge neighbors, for templates whose roles must alternate."""
    joined: Messages = []
    for message in messages:
        if message["role"] == "assistant" and not (
            message.get("content") or message.get("tool_calls")
        ):
            continue
        if joined and message["role"] == joined[-1]["role"] == "user":
            text = f"{joined[-1]['content']}\n\n{message['content']}"
            joined[-1] = joined[-1] | {"content": text}
        else:
            joined.append(message)
    return joined, tools


def _with_calls(
    message: Message, change: Callable[[dict[str, Any]], dict[str, Any]]
) -> dict[str, Any]:
    if "tool_calls" not in message:
        return message
    return message | {"tool_calls": [change(call) for call in message["tool_calls"]]}


_REPAIRS: Sequence[Callable[[Messages, list[Tool]], Parts]] = (
    _fill_contents,
    _fill_tools,
    _make_arguments_objects,
    _merge_content_into_reasoning,
    _shorten_call_ids,
    _split_calls,
    _move_system,
    _join_neighbors,
    _write_calls_out,
    _join_neighbors,
)
