"""Parse tool calls in the formats that models write, without the markers around them.

They are what the templates in llama.cpp's models/templates write for earlier calls, and what
llama.cpp's own parsers accept (common/parsers and common/chat-peg-parser.cpp).
"""

from __future__ import annotations

import ast
import json
import re
import secrets
import string
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_LETTERS = string.ascii_letters + string.digits
_JSON = json.JSONDecoder()
_ARGUMENTS = ("arguments", "parameters", "args")
_ID_KEYS = ("id", "tool_call_id")
_FUNCTION = re.compile(r"<function=([^>\s]+)>(.*?)(?:</function>|\Z)", re.DOTALL)
_PARAMETER = re.compile(r"<parameter=([^>\s]+)>\n?(.*?)\n?</parameter>", re.DOTALL)
_INVOCATION = re.compile(
    r"<(?:｜DSML｜)?invoke name=\"([^\"]+)\">(.*?)</(?:｜DSML｜)?invoke>", re.DOTALL
)
_NAMED_PARAMETER = re.compile(
    r"<(?:｜DSML｜)?parameter name=\"([^\"]+)\"(?: string=\"(true|false)\")?>"
    r"(.*?)</(?:｜DSML｜)?parameter>",
    re.DOTALL,
)
_KEY_AND_VALUE = re.compile(r"<arg_key>(.*?)</arg_key>\s*<arg_value>(.*?)</arg_value>", re.DOTALL)


def _new_call_id() -> str:
    """Return an ID of nine letters and digits, which Mistral's templates require."""
    return "".join(secrets.choice(_LETTERS) for _ in range(9))


@dataclass(frozen=True)
class ToolCall:
    """A tool call by the model; the arguments are JSON."""

    name: str
    arguments: str
    call_id: str = field(default_factory=_new_call_id, compare=False)


class Tools:
    """The offered tools, to distinguish calls from other JSON, and strings from other values."""

    def __init__(self, tools: Sequence[Mapping[str, Any]]) -> None:
        functions = [tool["function"] for tool in tools]
        self._types = {
            str(function["name"]): _types_of(function.get("parameters")) for function in functions
        }

    def has(self, name: str) -> bool:
        """Return whether there is a tool with this name."""
        return name in self._types

    def value(self, function: str, parameter: str, text: str) -> Any:
        """Return the value of `text`: itself if a string is expected, else parsed if it is JSON."""
        if self._types.get(function, {}).get(parameter) == "string":
            return text
        try:
            return json.loads(text)
        except ValueError:
            return text


def _types_of(schema: object) -> dict[str, object]:
    properties = schema.get("properties") if isinstance(schema, Mapping) else None
    if not isinstance(properties, Mapping):
        return {}
    return {
        name: value.get("type") for name, value in properties.items() if isinstance(value, Mapping)
    }


def call(name: str, arguments: object, call_id: object = None) -> ToolCall:
    """Return a call; arguments that are JSON already stay as they are."""
    if isinstance(arguments, str):
        arguments = json.loads(arguments)
    written = json.dumps({} if arguments is None else arguments, ensure_ascii=False)
    given = {"call_id": call_id} if isinstance(call_id, str) and call_id else {}
    return ToolCall(name.strip(), written, **given)


def json_calls(text: str) -> Iterator[ToolCall]:
    """Parse objects with a name and arguments, in sequence or in lists.

    Raises:
        ValueError: the text is something else.
    """
    text = text.strip().removeprefix("```json").removesuffix("```").strip()
    if not text:
        raise ValueError("no JSON")
    while text:
        value, end = _JSON.raw_decode(text)
        for item in value if isinstance(value, list) else [value]:
            yield _call_of(item)
        text = text[end:].lstrip(" \t\r\n,;")


def _call_of(value: Any) -> ToolCall:
    match value:
        case {"function": {"name": str(name), **function}}:
            return call(name, _first(function, _ARGUMENTS), _first(value, _ID_KEYS))
        case {"name": str(name)} | {"tool_name": str(name)} | {"function": str(name)}:
            return call(name, _first(value, _ARGUMENTS), _first(value, _ID_KEYS))
        case dict() if len(value) == 1:
            ((name, arguments),) = value.items()
            return call(name, arguments)
    raise ValueError("no call")


def _first(value: Mapping[Any, Any], keys: Sequence[str]) -> object:
    return next((value[key] for key in keys if key in value), None)


def named_json_call(name: str, text: str, call_id: str = "") -> ToolCall:
    """Return the call of a separate name and its JSON arguments, possibly in a code block.

    Raises:
        ValueError: the text is something else.
    """
    text = text.strip().removeprefix("```json").removesuffix("```").strip()
    arguments, _ = _JSON.raw_decode(text or "{}")
    return call(name, arguments, call_id)


def function_calls(text: str, tools: Tools) -> Iterator[ToolCall]:
    """Parse `<function=name>` with JSON, or with lines of `<parameter=key>` and a value.

    Raises:
        ValueError: the text is something else.
    """
    found = _FUNCTION.findall(text)
    if not found:
        raise ValueError("no function")
    for name, body in found:
        if body.lstrip().startswith("{"):
            yield named_json_call(name, body)
        else:
            yield _tagged(name, _PARAMETER.findall(body), tools)


def invocations(text: str, tools: Tools) -> Iterator[ToolCall]:
    """Parse MiniMax's and DeepSeek's format: `<invoke name="…">` with `<parameter name="…">`.

    Raises:
        ValueError: the text is something else.
    """
    found = _INVOCATION.findall(text)
    if not found:
        raise ValueError("no invocation")
    for name, body in found:
        arguments = {
            key: value if is_string == "true" else tools.value(name, key, value.strip())
            for key, is_string, value in _NAMED_PARAMETER.findall(body)
        }
        yield call(name, arguments)


def key_value_call(text: str, tools: Tools) -> ToolCall:
    """Parse GLM's format: a name, then alternating `<arg_key>` and `<arg_value>`.

    Raises:
        ValueError: the text is something else.
    """
    name = text.partition("<arg_key>")[0].strip()
    if not name or re.search(r"[\s<>{}]", name):
        raise ValueError("no name")
    return _tagged(name, _KEY_AND_VALUE.findall(text), tools)


def python_calls(text: str) -> Iterator[ToolCall]:
    """Parse LFM2's `[name(key="value"), …]`, and `name.call(key="value")` of Llama's own tools.

    Raises:
        ValueError: the text is something else.
    """
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, MemoryError, RecursionError) as error:
        raise ValueError("not Python") from error
    for node in tree.elts if isinstance(tree, ast.List) else [tree]:
        if not isinstance(node, ast.Call) or node.args:
            raise ValueError("no call")
        name = ast.unparse(node.func).removesuffix(".call")
        yield call(name, {str(item.arg): _literal(item.value) for item in node.keywords})


def _literal(node: ast.expr) -> object:
    words = {"true": True, "false": False, "null": None}
    if isinstance(node, ast.Name) and node.id in words:
        return words[node.id]
    return ast.literal_eval(node)


def _tagged(name: str, pairs: Sequence[tuple[str, str]], tools: Tools) -> ToolCall:
    return call(name, {key.strip(): tools.value(name, key.strip(), text) for key, text in pairs})
