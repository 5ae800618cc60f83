"""Make grammars that force a model to call a tool, in the format that it knows.

The formats are those that `app.inference.replies.tool_calls` parses, as the templates in
llama.cpp's models/templates write them. A model whose own format isn't based on JSON gets Hermes's,
as llama.cpp falls back to a generic format. Every reply is parsed for that one, so the call is
guaranteed, though it may be worse than in the model's own format.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.core.errors import AppError, ErrorCode
from app.core.language import tr
from app.inference.replies.harmony import MARKER as CHANNELS
from app.inference.schemas.json_schemas import LARGEST_SCHEMA_BYTES
from app.inference.schemas.lark import json_value, literal, plain_literal

_NAME, _ARGUMENTS, _CALL_ID = "⟨name⟩", "⟨arguments⟩", "⟨call_id⟩"
_PLACES = re.compile(f'("{_NAME}"|{_NAME}|{_ARGUMENTS}|{_CALL_ID})')
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_.-]+")
_NO_PARAMETERS: dict[str, Any] = {"type": "object", "properties": {}}


@dataclass(frozen=True)
class CallSyntax:
    """The syntax of one call, and the text around and between several calls.

    If `between` is None, there is only one.
    """

    one: str
    begin: str = ""
    between: str | None = None
    end: str = ""


def _object(name: str, arguments: str) -> str:
    return f'{{"{name}": "{_NAME}", "{arguments}": {_ARGUMENTS}}}'


_DEFAULT, _LLAMA, _COHERE = (
    _object("name", "arguments"),
    _object("name", "parameters"),
    _object("tool_name", "parameters"),
)
_COHERE_NUMBERED = _COHERE.replace("{", '{"tool_call_id": "0", ', 1)
_HERMES = CallSyntax(f"<tool_call>\n{_DEFAULT}\n</tool_call>", between="\n")
_DEEPSEEK = f"<｜tool▁call▁begin｜>{_NAME}<｜tool▁sep｜>{_ARGUMENTS}<｜tool▁call▁end｜>"
_OLD_DEEPSEEK = (
    f"<｜tool▁call▁begin｜>function<｜tool▁sep｜>{_NAME}\n"
    f"```json\n{_ARGUMENTS}\n```<｜tool▁call▁end｜>"
)
_KIMI = (
    f"<|tool_calls_section_begin|><|tool_call_begin|>functions.{_NAME}:0"
    f"<|tool_call_argument_begin|>{_ARGUMENTS}<|tool_call_end|><|tool_calls_section_end|>"
)
_HARMONY = f"<|channel|>commentary to=functions.{_NAME} <|constrain|>json<|message|>{_ARGUMENTS}"
_MISTRAL = f"[TOOL_CALLS]{_NAME}[ARGS]{_ARGUMENTS}"
_IDENTIFIED_MISTRAL = f"[TOOL_CALLS]{_NAME}[CALL_ID]{_CALL_ID}[ARGS]{_ARGUMENTS}"
# The first syntax whose signs are all in the template applies.
_FORMS: tuple[tuple[tuple[str, ...], CallSyntax], ...] = (
    ((CHANNELS,), CallSyntax(_HARMONY)),
    (("[CALL_ID]",), CallSyntax(_IDENTIFIED_MISTRAL, between="")),
    (("[ARGS]",), CallSyntax(_MISTRAL, between="")),
    (("[TOOL_CALLS]",), CallSyntax(_DEFAULT, "[TOOL_CALLS][", ", ", "]")),
    ((">>>${recipient}",), CallSyntax(f"{_NAME}\n{_ARGUMENTS}")),
    (("<tool_calls>[",), CallSyntax(_DEFAULT, "<tool_calls>[", ", ", "]</tool_calls>")),
    (("<tool_calls>",), CallSyntax(_DEFAULT, "<tool_calls>\n", "\n", "\n</tool_calls>")),
    (("<TOOLCALL>",), CallSyntax(_DEFAULT, "<TOOLCALL>[", ", ", "]</TOOLCALL>")),
    (("<|tool_call|>",), CallSyntax(_DEFAULT, "<|tool_call|>[", ", ", "]")),
    (
        ("<|START_ACTION|>",),
        CallSyntax(_COHERE_NUMBERED, "<|START_ACTION|>[\n    ", None, "\n]<|END_ACTION|>"),
    ),
    (("Action:", "```json"), CallSyntax(_COHERE, "Action: ```json\n[", ", ", "]\n```")),
    (
        ("<|tools_prefix|>",),
        CallSyntax(f'{{"{_NAME}": {_ARGUMENTS}}}', "<|tools_prefix|>[", ", ", "]<|tools_suffix|>"),
    ),
    (("functools[",), CallSyntax(_DEFAULT, " functools[", ", ", "]")),
    (
        ("<｜tool▁sep｜>", "```json"),
        CallSyntax(_OLD_DEEPSEEK, "<｜tool▁calls▁begin｜>", "\n", "<｜tool▁calls▁end｜>"),
    ),
    (
        ("<｜tool▁sep｜>",),
        CallSyntax(_DEEPSEEK, "<｜tool▁calls▁begin｜>", "", "<｜tool▁calls▁end｜>"),
    ),
    (("<|tool_calls_section_begin|>",), CallSyntax(_KIMI)),
    (("<tool_call>",), _HERMES),
    (("<parameter=",), _HERMES),
    (("<function=",), CallSyntax(f"<function={_NAME}>{_ARGUMENTS}</function>", between="")),
    (('"parameters": ',), CallSyntax(_LLAMA)),
)


def call_syntax_of(template: str) -> CallSyntax:
    """Return the syntax of a model with this template."""
    for signs, form in _FORMS:
        if all(sign in template for sign in signs):
            return form
    return _HERMES


def call_rules(
    form: CallSyntax,
    tools: Sequence[Mapping[str, Any]],
    max_calls: int | None,
    controls: Mapping[str, int],
) -> Iterator[str]:
    """Yield the grammar rules for one or more calls of these tools; the first is `calls`.

    `controls` are the vocabulary's control tokens.

    Raises:
        AppError: `request_invalid` for parameters that can't be converted to a grammar, or too
            many, and for a name that needs quotation marks where the syntax has none.
    """
    names = [str(tool["function"]["name"]) for tool in tools]
    if f'"{_NAME}"' not in form.one and not all(map(_PLAIN_NAME.fullmatch, names)):
        reason = tr("the name of a required tool may have only letters, digits, “_”, “-” and “.”")
        raise AppError(ErrorCode.REQUEST_INVALID, reason=reason)
    further = ""
    if form.between is not None and max_calls != 1:
        further = f"({literal(form.between, controls)} call)*" if form.between else "call*"
    yield f"calls: {literal(form.begin, controls)} call {further} {literal(form.end, controls)}"
    yield "call: " + " | ".join(f"call_{number}" for number in range(len(tools)))
    yield "IDENTITY: /[a-zA-Z0-9]{9}/"
    room = LARGEST_SCHEMA_BYTES
    for number, (name, tool) in enumerate(zip(names, tools, strict=True)):
        schema = tool["function"].get("parameters") or _NO_PARAMETERS
        rule = f"call_{number}: {_call(form.one, name, json_value(schema), controls)}"
        room -= len(rule)
        if room < 0:
            reason = tr("the tools are too large to require a call")
            raise AppError(ErrorCode.REQUEST_INVALID, reason=reason)
        yield rule


def _call(one: str, name: str, arguments: str, controls: Mapping[str, int]) -> str:
    """Return the rule of one call; a quoted name is written as JSON."""
    quoted = plain_literal(json.dumps(name, ensure_ascii=False))
    ways = {
        f'"{_NAME}"': quoted,
        _NAME: plain_literal(name),
        _CALL_ID: "IDENTITY",
        _ARGUMENTS: arguments,
    }
    return " ".join(ways.get(part) or literal(part, controls) for part in _PLACES.split(one))
