"""Render conversations with a chat template, inside the sandboxed child process.

Templates expect different forms of messages. Each is tried once, on a greeting and on a
conversation with a tool, and from then on gets the form that worked; the form of transformers is
tried first. Then every conversation is rendered as described in `app.inference.tokens.provenance`,
and if that fails, in the other forms of `app.inference.prompts.template_repairs`.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import msgspec

from app.core.language import tr
from app.inference.prompts.compiled_template import CompiledTemplate, TemplateRefusedError
from app.inference.prompts.template_repairs import repaired, with_system_in_user
from app.inference.tokens.provenance import (
    ControlTexts,
    Masks,
    Span,
    mapped,
    mapped_messages,
    without_surrogates,
)

_GREETING = "Hello"
_NEEDLE = "in-a-haystack"
_MANY_TURNS, _LONG_TURN = 40, 512
_CALL_ID = "abcdefghi"
_TOOL = {
    "type": "function",
    "function": {
        "name": "find",
        "description": "Find a thing.",
        "parameters": {
            "type": "object",
            "properties": {"where": {"type": "string", "description": "Where to look."}},
            "required": ["where"],
        },
    },
}
_OUTPUT_FACTOR, _OUTPUT_ALLOWANCE = 4, 64 * 1024


class TemplateSetup(msgspec.Struct, frozen=True):
    """The setup of a renderer: the template and the texts of the model's tokens."""

    source: str
    begin: str
    end: str
    control_texts: tuple[str, ...] = ()


class ChatInput(msgspec.Struct, frozen=True):
    """Messages and tools in OpenAI's format, and options of the template.

    The prompt of one that `awaits_reply` ends where the assistant's reply begins.
    """

    messages: list[dict[str, Any]]
    tools: list[dict[str, Any]] = []
    options: dict[str, str | int | float | bool | None] = {}
    awaits_reply: bool = True

    def masked_by(self, masks: Masks, *, everything: bool) -> ChatInput:
        """Return the input with its text masked."""
        change = masks.everything if everything else masks.control_texts
        return ChatInput(
            mapped_messages(self.messages, change),
            mapped(self.tools, change),
            mapped(self.options, change),
            self.awaits_reply,
        )


class TemplateSupport(msgspec.Struct, frozen=True, tag="understood"):
    """The template works; `warnings` describe what looks suspicious in it.

    If it `keeps_texts`, it drops no text of users, however long the messages and the conversation.
    """

    warnings: tuple[str, ...] = ()
    keeps_texts: bool = False


class Rendered(msgspec.Struct, frozen=True, tag="rendered"):
    """A prompt, and the spans in which the client wrote control tokens' texts."""

    text: str
    untrusted: tuple[Span, ...] = ()


class Refusal(msgspec.Struct, frozen=True, tag="refusal"):
    """The template itself refuses the conversation."""

    reason: str


class Failure(msgspec.Struct, frozen=True, tag="failure"):
    """The template doesn't work, in general or for this conversation."""

    reason: str


Outcome = Rendered | Refusal | Failure


class _Form(msgspec.Struct, frozen=True):
    """The form of messages that a template expects."""

    has_null_tools: bool = True
    has_parts: bool = False
    has_objects: bool = True
    has_content: bool = False
    has_system: bool = True

    def messages(self, messages: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Yield the messages in this form."""
        for message in messages if self.has_system else with_system_in_user(messages):
            changed = dict(message)
            if self.has_parts and isinstance(message.get("content"), str):
                changed["content"] = [{"type": "text", "text": message["content"]}]
            if "tool_calls" in message:
                changed["tool_calls"] = [self._call(call) for call in message["tool_calls"]]
                if self.has_content:
                    changed.setdefault("content", "")
            yield changed

    def _call(self, call: dict[str, Any]) -> dict[str, Any]:
        function = dict(call["function"])
        if not self.has_objects and not isinstance(function["arguments"], str):
            function["arguments"] = json.dumps(function["arguments"], ensure_ascii=False)
        return call | {"function": function}


class Renderer:
    """Renders conversations with one template.

    Raises:
        Exception: the template can't be compiled, or works on neither of the two trials.
    """

    def __init__(self, setup: TemplateSetup) -> None:
        self._template = CompiledTemplate(setup.source)
        self.warnings = self._template.warnings
        self._source_bytes = len(setup.source.encode("utf-8", "replace"))
        self._tokens = {"bos_token": setup.begin, "eos_token": setup.end}
        self._control = ControlTexts(setup.control_texts)
        self._masks = Masks(self._control, self._template.constants)
        self._form = _Form()
        self._needs_tools = ""
        self._find_form()

    def support(self) -> TemplateSupport:
        """Return the template's warnings, and whether it keeps all text."""
        turns = [
            {"role": role, "content": f"{number:04}" * _LONG_TURN}
            for number in range(_MANY_TURNS)
            for role in ("user", "assistant")
        ]
        with suppress(Exception):
            text = self._plain(ChatInput(turns[:-1]))
            keeps_texts = all(turn["content"] in text for turn in turns[:-1:2])
            return TemplateSupport(self.warnings, keeps_texts)
        return TemplateSupport(self.warnings)

    def render(self, conversation: ChatInput, input_bytes: int) -> Outcome:
        """Render the prompt of a conversation that was sent as `input_bytes`."""
        try:
            rendered = self._in_any_form(conversation)
        except TemplateRefusedError as error:
            if self._needs_tools and not conversation.tools:
                return Failure(self._needs_tools)
            return Refusal(str(error))
        except Exception as error:  # noqa: BLE001 - a template is a program: it fails in any way
            return Failure(reason_of(error))
        # Lone surrogates can't be encoded as UTF-8; the length stays the same.
        rendered = Rendered(without_surrogates(rendered.text), rendered.untrusted)
        max_length = _OUTPUT_FACTOR * (input_bytes + self._source_bytes) + _OUTPUT_ALLOWANCE
        if len(rendered.text) > max_length:
            return Failure(tr("its output is far longer than the conversation"))
        return rendered

    def _in_any_form(self, conversation: ChatInput) -> Rendered:
        """Render the prompt; raise what the template raises for the original conversation."""
        try:
            return self._with_provenance(conversation)
        except MemoryError:
            raise
        except Exception as error:
            for messages, tools in repaired(conversation.messages, conversation.tools):
                with suppress(Exception):
                    repaired_input = msgspec.structs.replace(
                        conversation, messages=messages, tools=tools
                    )
                    return self._with_provenance(repaired_input)
            raise error from None

    def _with_provenance(self, conversation: ChatInput) -> Rendered:
        text = self._plain(conversation)
        if not self._control.occur_in(text):
            return Rendered(text)
        masks = self._masks
        masked = self._masked(conversation)
        if masked is not None and masks.unmasked(masked) == text:
            return Rendered(text, masks.untrusted(masked, text))
        # With light masks, it takes the same branches as for the conversation itself, unless that
        # contains control tokens' texts. But light masks miss those that the template joins from
        # pieces: then it is better that the template sees only unknown text.
        light = self._plain(conversation.masked_by(masks, everything=False))
        if masked is None or masks.trusted_counts(light) <= masks.trusted_counts(masked):
            masked = light
        text = masks.unmasked(masked)
        return Rendered(text, masks.untrusted(masked, text))

    def _masked(self, conversation: ChatInput) -> str | None:
        try:
            return self._plain(conversation.masked_by(self._masks, everything=True))
        except Exception:  # noqa: BLE001 - it insists on a word that could be a part of a token's
            return None

    def _plain(self, conversation: ChatInput) -> str:
        variables: dict[str, Any] = {**conversation.options, **self._tokens}
        variables["messages"] = list(self._form.messages(conversation.messages))
        variables["add_generation_prompt"] = conversation.awaits_reply
        if conversation.tools or self._form.has_null_tools:
            variables |= {"tools": conversation.tools or None, "documents": None}
        return self._template.render(variables)

    def _find_form(self) -> None:
        """Find the first form that the template works with; raise if there is none."""
        try:
            self._find_form_of_greeting()
        except Exception as error:
            reason = reason_of(error)
            if not self._find_form_of_calls():
                raise
            self._needs_tools = reason
        else:
            self._find_form_of_calls()
        self._find_form_of_system()

    def _find_form_of_greeting(self) -> None:
        greeting = ChatInput([{"role": "user", "content": _GREETING}])
        error: Exception | None = None
        for has_null_tools, has_parts in itertools.product((True, False), (False, True)):
            self._form = _Form(has_null_tools=has_null_tools, has_parts=has_parts)
            try:
                if _GREETING in self._plain(greeting):
                    return
            except Exception as raised:  # noqa: BLE001 - see above
                error = error or raised
        self._form = _Form(has_null_tools=error is None)
        if error is not None:
            raise error

    def _find_form_of_system(self) -> None:
        """Find out whether the template renders system messages."""
        system = {"role": "system", "content": _NEEDLE}
        trial = ChatInput([system, {"role": "user", "content": _GREETING}])
        for has_system in (True, False):
            self._form = msgspec.structs.replace(self._form, has_system=has_system)
            with suppress(Exception):
                if _NEEDLE in self._plain(trial):
                    return
        self._form = msgspec.structs.replace(self._form, has_system=True)

    def _find_form_of_calls(self) -> bool:
        usual = self._form
        function = {"name": "find", "arguments": {"where": _NEEDLE}}
        call = {"id": _CALL_ID, "type": "function", "function": function}
        answer = {"role": "tool", "name": "find", "tool_call_id": _CALL_ID, "content": "found"}
        question = {"role": "user", "content": _GREETING}
        trial = ChatInput([question, {"role": "assistant", "tool_calls": [call]}, answer], [_TOOL])
        for has_objects, has_content in itertools.product((True, False), (False, True)):
            self._form = msgspec.structs.replace(
                usual, has_objects=has_objects, has_content=has_content
            )
            try:
                text = self._plain(trial)
            except Exception:  # noqa: BLE001, S112 - see above
                continue
            # Neither a Python dict's repr nor JSON encoded twice.
            if "{'where'" not in text and '\\"where' not in text:
                return True
        self._form = usual
        return False


def reason_of(error: Exception) -> str:
    """Describe an exception."""
    if isinstance(error, MemoryError):
        return tr("it needs too much memory")
    if isinstance(error, RecursionError):
        return tr("it is nested too deeply")
    return str(error) or type(error).__name__
