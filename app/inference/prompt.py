"""From a conversation to the text that the model reads, by the model's own chat template."""

from __future__ import annotations

import datetime
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import jinja2
from jinja2.ext import loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

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
            self._template = self._compile(source)
            self.render([ChatMessage("user", "Hello")])
        except _UnusableError as error:
            self.fallback_reason = str(error)
            self.stops = GENERIC_STOPS
            self._template = _environment().from_string(GENERIC_TEMPLATE)

    def render(self, messages: Sequence[ChatMessage]) -> str:
        """The whole prompt, ending where the assistant is to speak.

        Raises:
            AppError: `request_invalid`, when the template refuses these messages.
        """
        try:
            return self._template.render(
                messages=[{"role": m.role, "content": m.content} for m in messages],
                add_generation_prompt=True,
                **self._variables,
            )
        except _Refused as error:
            raise AppError(ErrorCode.REQUEST_INVALID, reason=str(error)) from error
        except Exception as error:
            raise _UnusableError(f"it fails: {error}") from error

    @staticmethod
    def _compile(source: str | None) -> jinja2.Template:
        if not source:
            raise _UnusableError("the file has none")
        if len(source.encode("utf-8", "replace")) > _LARGEST_TEMPLATE_BYTES:
            raise _UnusableError("it is larger than 64 kB")
        try:
            return _environment().from_string(source)
        except (jinja2.TemplateError, RecursionError) as error:
            raise _UnusableError(f"it has a fault: {error}") from error


class _UnusableError(Exception):
    """The template does not work at all."""


class _Refused(jinja2.TemplateError):
    """The template itself refuses the conversation."""


def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols]
    )
    environment.filters["tojson"] = _to_json
    environment.globals["raise_exception"] = _refuse
    environment.globals["strftime_now"] = _now
    return environment


def _to_json(value: Any, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _refuse(message: str) -> NoReturn:
    raise _Refused(message)


def _now(form: str) -> str:
    return datetime.datetime.now().astimezone().strftime(form)
