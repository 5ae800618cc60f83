"""Separate tool calls from the content of a reply; calls are parsed at its end.

A model announces calls by its own mark. The marks are found in its template; the formats after
them are in `app.inference.replies.tool_call_formats`. Text that turns out not to be a call is
returned as content, so that nothing is lost.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from app.inference.replies.reasoning import ReplyPart
from app.inference.replies.tool_call_formats import (
    ToolCall,
    Tools,
    function_calls,
    invocations,
    json_calls,
    key_value_call,
    named_json_call,
    python_calls,
)
from app.inference.tokens.detokenizer import possible_prefix_length

_Read = Callable[[str, Tools], Iterable[ToolCall]]
# Functionary addresses content to "all", as it addresses a call to a function; its prompt ends with
# the beginning of the address.
ADDRESS = ">>>"
_TO_EVERYONE = ">>>all\n"
_OWN_END = re.compile(r"<｜tool▁call▁end｜>|<\|tool_call_end\|>")


@dataclass(frozen=True)
class ToolCallFormat:
    """The marks before and after calls ("" if another mark or nothing follows), and a parser.

    Templates that contain `template_marker` use the format; by default, that is the first mark.
    """

    begin: str
    end: str
    read: _Read
    template_marker: str = ""

    def is_in(self, template: str) -> bool:
        """Return whether models with this template use the format."""
        return (self.template_marker or self.begin) in template


def _json(text: str, _: Tools) -> Iterable[ToolCall]:
    return json_calls(text)


def _tagged(text: str, tools: Tools) -> Iterable[ToolCall]:
    """Parse `<tool_call>`, the mark of three families: Hermes and Qwen, Qwen Coder, and GLM."""
    text = text.strip()
    if text.startswith(("{", "[")):
        return json_calls(text)
    if text.startswith("<function="):
        return function_calls(text, tools)
    return [key_value_call(text, tools)]


def _function(text: str, tools: Tools) -> Iterable[ToolCall]:
    return function_calls(f"<function={text}</function>", tools)


def _invoke(text: str, tools: Tools) -> Iterable[ToolCall]:
    return invocations(text, tools)


def _python(text: str, _: Tools) -> Iterable[ToolCall]:
    return python_calls(text)


def _llama(text: str, _: Tools) -> Iterable[ToolCall]:
    return json_calls(text) if text.lstrip().startswith("{") else python_calls(text)


def _mistral(text: str, _tools: Tools) -> Iterable[ToolCall]:
    if text.lstrip().startswith("["):
        return json_calls(text)
    head, mark, arguments = text.partition("[ARGS]")
    if not mark:
        raise ValueError("no arguments")
    name, _, call_id = head.partition("[CALL_ID]")
    return [named_json_call(name, arguments, call_id)]


def _deepseek(text: str, _tools: Tools) -> Iterator[ToolCall]:
    for one in filter(str.strip, _OWN_END.split(text)):
        head, _, body = one.partition("<｜tool▁sep｜>")
        name = head.rpartition("<｜tool▁call▁begin｜>")[2]
        if not body.lstrip().startswith("{"):
            # The older models write the type of the tool first, and the name on the next line.
            name, _, body = body.partition("\n")
        yield named_json_call(name, body)


def _kimi(text: str, _tools: Tools) -> Iterator[ToolCall]:
    for one in filter(str.strip, _OWN_END.split(text)):
        head, _, arguments = one.partition("<|tool_call_argument_begin|>")
        call_id = head.rpartition("<|tool_call_begin|>")[2].strip()
        name = call_id.removeprefix("functions.").rpartition(":")[0]
        yield named_json_call(name or call_id, arguments, call_id)


def _functionary(text: str, _tools: Tools) -> Iterable[ToolCall]:
    name, _, arguments = text.partition("\n")
    return [named_json_call(name, arguments)]


_DEFAULT = ToolCallFormat("<tool_call>", "</tool_call>", _tagged)
_FORMS = (
    _DEFAULT,
    ToolCallFormat("<tool_calls>", "</tool_calls>", _json),
    ToolCallFormat("<TOOLCALL>", "</TOOLCALL>", _json),
    ToolCallFormat("<|tool_call|>", "<|/tool_call|>", _json),
    ToolCallFormat("<|START_ACTION|>", "<|END_ACTION|>", _json),
    ToolCallFormat("<|tools_prefix|>", "<|tools_suffix|>", _json),
    ToolCallFormat("Action: ```json", "```", _json, template_marker="Action:"),
    ToolCallFormat("functools", "", _json),
    ToolCallFormat("[TOOL_CALLS]", "", _mistral),
    ToolCallFormat("<|python_tag|>", "", _llama),
    ToolCallFormat(
        "<|tool_call_start|>", "<|tool_call_end|>", _python, template_marker="List of tools: "
    ),
    ToolCallFormat("<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>", _deepseek),
    ToolCallFormat("<|tool_calls_section_begin|>", "<|tool_calls_section_end|>", _kimi),
    ToolCallFormat("<seed:tool_call>", "</seed:tool_call>", _tagged),
    ToolCallFormat("<minimax:tool_call>", "</minimax:tool_call>", _invoke),
    ToolCallFormat(
        "<｜DSML｜function_calls>", "</｜DSML｜function_calls>", _invoke, template_marker="｜DSML｜"
    ),
    ToolCallFormat(
        "<｜DSML｜tool_calls>", "</｜DSML｜tool_calls>", _invoke, template_marker="｜DSML｜"
    ),
    ToolCallFormat("<function=", "</function>", _function),
    ToolCallFormat(ADDRESS, "", _functionary, template_marker=">>>${recipient}"),
)
INNER_MARKS = (
    "[ARGS]",
    "[CALL_ID]",
    "<｜tool▁call▁begin｜>",
    "<｜tool▁sep｜>",
    "<｜tool▁call▁end｜>",
    "<|tool_call_begin|>",
    "<|tool_call_argument_begin|>",
    "<|tool_call_end|>",
)
"""Marks within calls."""


def formats_of(template: str) -> tuple[ToolCallFormat, ...]:
    """Return the formats that a model with this template may use, including the default one."""
    return tuple(form for form in _FORMS if form is _DEFAULT or form.is_in(template))


class ToolCallSplitter:
    """Separates calls from content. A reply that begins as JSON is held back: it may be a call.

    Functionary's address to all is dropped. `held` is text of the prompt before the reply.
    """

    def __init__(self, forms: Iterable[ToolCallFormat], tools: Tools, held: str = "") -> None:
        self._forms = {form.begin: form for form in forms}
        self._marks = [_TO_EVERYONE, *self._forms] if ADDRESS in self._forms else [*self._forms]
        self._tools = tools
        self._held = held
        self._has_said = False
        self._is_collecting = False

    def feed(self, text: str) -> Iterator[ReplyPart]:
        """Take more text, and yield the content that is now final."""
        self._held += text
        while not self._is_collecting:
            if self._begins_as_json():
                self._is_collecting = True
                return
            start, mark = self._first_mark(self._held)
            if not mark or self._may_grow(self._held[start:], mark):
                certain = self._certain(self._held if not mark else self._held[:start])
                self._held = self._held[len(certain) :]
                yield from self._say(certain)
                return
            before = self._held[:start]
            if mark == _TO_EVERYONE:
                self._held = self._held[start + len(mark) :]
            else:
                self._is_collecting = True
                before = before.rstrip()
                self._held = self._held[len(before) :]
            yield from self._say(before)

    def finish(self) -> Iterator[ReplyPart | ToolCall]:
        """Yield the remaining content and the calls."""
        text, self._held = self._held, ""
        if not self._is_collecting:
            yield from self._say(text)
            return
        said = ""
        calls: list[ToolCall] = []
        while text:
            start, mark = self._first_mark(text)
            if not mark:
                said += text
                break
            said += text[:start]
            text = text[start + len(mark) :]
            if mark == _TO_EVERYONE:
                continue
            found, whole, text = self._read(self._forms[mark], text)
            calls += found
            said += whole
        if not calls:
            calls = self._bare(said)
            said = "" if calls else said
        yield from self._say(said if not calls else said.strip())
        yield from calls

    def _read(self, form: ToolCallFormat, text: str) -> tuple[list[ToolCall], str, str]:
        """Return the calls after a mark, the text itself if there are none, and the rest."""
        length = text.find(form.end) if form.end else self._first_mark(text)[0]
        body = text[:length] if length >= 0 else text
        rest = text[length + len(form.end) :] if length >= 0 else ""
        try:
            calls = list(form.read(body, self._tools))
        except (ValueError, RecursionError):
            calls = []
        return calls, "" if calls else form.begin + text[: len(text) - len(rest)], rest

    def _bare(self, text: str) -> list[ToolCall]:
        """Parse calls without a mark, as Llama 3 writes them; only those of existing tools."""
        try:
            calls = list(json_calls(text))
        except (ValueError, RecursionError):
            return []
        return calls if all(self._tools.has(call.name) for call in calls) else []

    def _begins_as_json(self) -> bool:
        text = self._held.lstrip()
        is_mark = any(mark.startswith(text) or text.startswith(mark) for mark in self._marks)
        return not self._has_said and text.startswith(("{", "[")) and not is_mark

    def _may_grow(self, text: str, mark: str) -> bool:
        """Return whether the mark may turn out to be a longer one."""
        return any(other != mark and other.startswith(text) for other in self._marks)

    def _certain(self, text: str) -> str:
        return text[: len(text) - possible_prefix_length(text, self._marks)].rstrip()

    def _first_mark(self, text: str) -> tuple[int, str]:
        found = [(at, -len(mark), mark) for mark in self._marks if (at := text.find(mark)) >= 0]
        if not found:
            return -1, ""
        start, _, mark = min(found)
        return start, mark

    def _say(self, text: str) -> Iterator[ReplyPart]:
        if text:
            self._has_said = True
            yield ReplyPart("content", text)
