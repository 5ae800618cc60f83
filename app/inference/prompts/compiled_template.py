"""Compile a model's chat template in Jinja's sandbox, with the environment of transformers.

https://huggingface.co/docs/transformers/chat_templating describes the environment of templates.
Their run time is limited by `app.inference.prompts.sandbox`.
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

from app.core.language import tr
from app.inference.prompts.template_warnings import template_warnings

LARGEST_TEMPLATE_BYTES = 64 * 1024


class TemplateRefusedError(jinja2.TemplateError):
    """The template itself refuses the conversation."""


class CompiledTemplate:
    """A template that compiled; it may still fail on any conversation."""

    def __init__(self, source: str) -> None:
        if len(source.encode("utf-8", "replace")) > LARGEST_TEMPLATE_BYTES:
            raise jinja2.TemplateError(tr("it is larger than 64 kB"))
        environment = _environment()
        tree = environment.parse(source)
        self.constants = frozenset(
            node.value for node in tree.find_all(nodes.Const) if isinstance(node.value, str)
        )
        """The string constants that it may compare its input with."""
        self.warnings = template_warnings(tree)
        self._template = environment.from_string(tree)

    def render(self, variables: Mapping[str, Any]) -> str:
        """Render the text for these variables.

        Raises:
            TemplateRefusedError: the template itself refuses them.
            Exception: anything else; a template is a program.
        """
        return self._template.render(variables)


class _GenerationBlock(Extension):
    """`{% generation %}` marks the assistant's text for training; here it has no effect."""

    tags = {"generation"}  # noqa: RUF012 - declared so by jinja2

    def parse(self, parser: Parser) -> nodes.Node:
        """Keep the block as it is, in its own scope."""
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.Scope(body, lineno=line)


class _Namespace(Namespace):
    """A template's variables, without names that would reach into Python."""

    def __init__(self, *values: Any, **attributes: Any) -> None:
        super().__init__(_require_plain_names(dict(*values, **attributes)))

    def __setitem__(self, name: str, value: Any) -> None:
        super().__setitem__(name, _require_plain_names({name: value})[name])


def _require_plain_names(attributes: dict[str, Any]) -> dict[str, Any]:
    if any(str(name).startswith("_") for name in attributes):
        raise jinja2.exceptions.SecurityError(tr("it stores a name that begins with an underscore"))
    return attributes


class _Environment(ImmutableSandboxedEnvironment):
    """The sandbox of transformers; templates may also append to lists, as in llama.cpp."""

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Return whether a template may access the attribute."""
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
    """Convert the iterators of filters such as `map` to lists, as llama.cpp does."""
    if isinstance(value, Iterator):
        return list(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def _refuse(message: str) -> NoReturn:
    raise TemplateRefusedError(message)


def _now(form: str) -> str:
    return datetime.datetime.now().astimezone().strftime(form)
