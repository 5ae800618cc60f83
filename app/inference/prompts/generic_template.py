"""Render ChatML: for models without a template, or with one that does not work.

Tools are offered and called as in Hermes (https://github.com/NousResearch/Hermes-Function-Calling),
which most models have seen.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from app.inference.prompts.rendering import ChatInput

BEGIN, END = "<|im_start|>", "<|im_end|>"
STOPS = (END,)
Piece = tuple[str, bool]
"""A piece of text, and whether it is the template's own."""


def generic_prompt(conversation: ChatInput) -> Iterator[Piece]:
    """Yield the pieces of the whole prompt, ending where the assistant's reply begins."""
    messages = conversation.messages
    if conversation.tools:
        yield BEGIN + "system\n", True
        if messages and messages[0]["role"] == "system":
            yield messages[0]["content"] + "\n\n", False
            messages = messages[1:]
        yield from _offered(conversation.tools)
        yield END + "\n", True
    for message in messages:
        yield f"{BEGIN}{message['role']}\n", True
        yield message.get("content", ""), False
        for call in message.get("tool_calls", ()):
            yield "\n<tool_call>\n", True
            yield _json(_called(call["function"])), False
            yield "\n</tool_call>", True
        yield END + "\n", True
    yield BEGIN + "assistant\n", True


def _offered(tools: Sequence[Mapping[str, Any]]) -> Iterator[Piece]:
    yield "You may call one or more of the functions within <tools></tools>:\n<tools>\n", True
    for tool in tools:
        yield _json(tool) + "\n", False
    yield (
        "</tools>\nFor each call, write a JSON object within <tool_call></tool_call>:\n"
        '<tool_call>\n{"name": <name>, "arguments": <arguments as an object>}\n</tool_call>',
        True,
    )


def _called(function: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": function["name"], "arguments": function["arguments"]}


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
