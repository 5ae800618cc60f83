"""A model's own chat template, compiled in Jinja's sandbox with what transformers offers it.

https://huggingface.co/docs/transformers/chat_templating says what templates may count on. How long
a template may run is not decided here but by `app.inference.prompts.sandbox`.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

import jinja2
from jinja2 import nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace

from app.inference.prompts.template_warnings import template_warnings

LARGEST_TEMPLATE_BYTES = 64 * 1024


class Refused(jinja2.TemplateError):
    """The template itself refuses the conversation."""


class CompiledTemplate:
    """A template that was understood; it may still fail on any conversation."""

    def __init__(self, source: str) -> None:
        if len(source.encode("utf-8", "replace")) > LARGEST_TEMPLATE_BYTES:
            raise jinja2.TemplateError("it is larger than 64 kB")
        environment = _environment()
        tree = environment.parse(source)
        self.constants = frozenset(
            node.value for node in tree.find_all(nodes.Const) if isinstance(node.value, str)
        )
        """The texts that it may compare what it is given with."""
        self.warnings = template_warnings(tree)
        self._template = environment.from_string(tree)

    def render(self, variables: Mapping[str, Any]) -> str:
        """The text for these variables.

        Raises:
            Refused: the template itself refuses them.
            Exception: anything else; a template is a program.
        """
        return self._template.render(variables)


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


class _Environment(ImmutableSandboxedEnvironment):
    """The sandbox of transformers, in which a template may also add to lists, as in llama.cpp."""

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Whether a template may have the attribute."""
        is_addition = isinstance(obj, list) and attr == "append"
        return is_addition or super().is_safe_attribute(obj, attr, value)


def _environment() -> ImmutableSandboxedEnvironment:
    environment = _Environment(
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
        default=_listed,
    )


def _listed(value: Any) -> list[Any]:
    """What filters such as `map` give, which llama.cpp takes for a list."""
    if isinstance(value, Iterator):
        return list(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def _refuse(message: str) -> NoReturn:
    raise Refused(message)


def _now(form: str) -> str:
    return datetime.datetime.now().astimezone().strftime(form)
