"""From a conversation to the text that the model reads, by the model's own chat template."""

from __future__ import annotations

import datetime
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import jinja2
from jinja2 import nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace

from app.core.errors import AppError, ErrorCode

_LARGEST_TEMPLATE_BYTES = 64 * 1024
GENERIC_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
GENERIC_STOPS = ("<|im_end|>",)


@dataclass(frozen=True)
class ChatMessage:
    """One message of a conversation; `role` is `system`, `user` or `assistant`."""

    role: str
    content: str


class ChatTemplate:
    """A model's template, or ChatML when it has none that works; `fallback_reason` says why.

    Rendering happens in Jinja's immutable sandbox with the functions that transformers offers
    (https://huggingface.co/docs/transformers/chat_templating).
    """

    def __init__(self, source: str | None, bos: str, eos: str) -> None:
        self._variables = {"bos_token": bos, "eos_token": eos}
        self.fallback_reason = ""
        self.stops: tuple[str, ...] = ()
        try:
            self._template = _compile(source)
            self._render([ChatMessage("user", "Hello")])
        except Exception as error:  # noqa: BLE001 - a template is a program: it fails in any way
            self.fallback_reason = str(error) or type(error).__name__
            self.stops = GENERIC_STOPS
            self._template = _environment().from_string(GENERIC_TEMPLATE)

    def render(self, messages: Sequence[ChatMessage]) -> str:
        """The whole prompt, ending where the assistant is to speak.

        Raises:
            AppError: `request_invalid`, when the template refuses these messages or fails on them.
        """
        try:
            return self._render(messages)
        except _Refused as error:
            raise AppError(ErrorCode.REQUEST_INVALID, reason=str(error)) from error
        except Exception as error:
            reason = f"the model's chat template fails: {error}"
            raise AppError(ErrorCode.REQUEST_INVALID, reason=reason) from error

    def _render(self, messages: Sequence[ChatMessage]) -> str:
        return self._template.render(
            messages=[{"role": m.role, "content": m.content} for m in messages],
            add_generation_prompt=True,
            **self._variables,
        )


class _Refused(jinja2.TemplateError):
    """The template itself refuses the conversation."""


class _GenerationBlock(Extension):
    """`{% generation %}` marks what the assistant says, for training; here it changes nothing."""

    tags = {"generation"}  # noqa: RUF012 - declared so by jinja2

    def parse(self, parser: Parser) -> nodes.Node:
        """Leave the block as it is, in a scope of its own."""
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.Scope(body, lineno=line)


class _Namespace(Namespace):
    """A template's variables, without the names that would reach into Python."""

    def __init__(self, *values: Any, **attributes: Any) -> None:
        super().__init__(_require_plain_names(dict(*values, **attributes)))

    def __setitem__(self, name: str, value: Any) -> None:
        super().__setitem__(name, _require_plain_names({name: value})[name])


def _require_plain_names(attributes: dict[str, Any]) -> dict[str, Any]:
    if any(str(name).startswith("_") for name in attributes):
        raise jinja2.exceptions.SecurityError("it stores a name that begins with an underscore")
    return attributes


def _compile(source: str | None) -> jinja2.Template:
    if not source:
        raise jinja2.TemplateError("the file has none")
    if len(source.encode("utf-8", "replace")) > _LARGEST_TEMPLATE_BYTES:
        raise jinja2.TemplateError("it is larger than 64 kB")
    return _environment().from_string(source)


def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols, _GenerationBlock]
    )
    environment.filters["tojson"] = _to_json
    environment.globals["namespace"] = _Namespace
    environment.globals["raise_exception"] = _refuse
    environment.globals["strftime_now"] = _now
    return environment


def _to_json(
    value: Any,
    ensure_ascii: bool = False,  # noqa: FBT001, FBT002 - templates pass it as they like
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,  # noqa: FBT001, FBT002
) -> str:
    return json.dumps(
        value,
        ensure_ascii=ensure_ascii,
        indent=indent,
        separators=separators,
        sort_keys=sort_keys,
    )


def _refuse(message: str) -> NoReturn:
    raise _Refused(message)


def _now(form: str) -> str:
    return datetime.datetime.now().astimezone().strftime(form)
