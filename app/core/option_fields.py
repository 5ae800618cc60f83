"""Describe the fields of option structs by their types and metadata, for forms and flags."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args, get_type_hints

import msgspec
from msgspec import Meta, inspect

OptionKind = Literal["switch", "choice", "number", "automatic_number", "numbers", "other"]
"""`automatic_number` is a number or None, `numbers` a tuple of floats."""

_Bounded = inspect.IntType | inspect.FloatType


@dataclass(frozen=True)
class OptionField:
    """One field, as a form shows it.

    Attributes:
        name: the name of the field.
        kind: what it holds.
        title: its short name; empty for a field that no form shows.
        description: one or two sentences about it.
        section: the heading that it stands under.
        choices: the values of a choice with their labels, in order.
        minimum: the smallest number.
        maximum: the largest number.
        step: the difference that one click makes.
    """

    name: str
    kind: OptionKind
    title: str
    description: str
    section: str
    choices: tuple[tuple[str, str], ...]
    minimum: float
    maximum: float
    step: float


def form_hints(
    section: str = "",
    *,
    labels: Mapping[str, str] | None = None,
    step: float = 1,
) -> Meta:
    """Annotate a field with what a form shows beyond its type, as in `OptionField`."""
    return Meta(extra={"section": section, "labels": labels or {}, "step": step})


@functools.cache
def option_fields(struct: type[msgspec.Struct]) -> Mapping[str, OptionField]:
    """Return the fields of a struct by name, in the order of their declaration."""
    information = inspect.type_info(struct)
    if not isinstance(information, inspect.StructType):
        raise TypeError(struct)
    # The types that msgspec returns have the values of a literal sorted.
    hints = get_type_hints(struct)
    return {
        field.name: _described(field.name, field.type, get_args(hints[field.name]))
        for field in information.fields
    }


def _described(name: str, kind: inspect.Type, values: tuple[object, ...]) -> OptionField:
    schema, extra = {}, {}
    if isinstance(kind, inspect.Metadata):
        schema, extra, kind = kind.extra_json_schema or {}, kind.extra or {}, kind.type
    labels = extra.get("labels", {})
    number = _number_in(kind)
    return OptionField(
        name=name,
        kind=_kind_of(kind),
        title=schema.get("title", ""),
        description=schema.get("description", ""),
        section=extra.get("section", ""),
        choices=tuple(
            (value, labels.get(value, value)) for value in values if isinstance(value, str)
        ),
        minimum=(number and number.ge) or 0,
        maximum=(number and number.le) or 0,
        step=extra.get("step", 1),
    )


def _kind_of(kind: inspect.Type) -> OptionKind:
    match kind:
        case inspect.BoolType():
            return "switch"
        case inspect.LiteralType():
            return "choice"
        case inspect.IntType():
            return "number"
        case inspect.UnionType((inspect.IntType() | inspect.FloatType(), inspect.NoneType())):
            return "automatic_number"
        case inspect.VarTupleType(inspect.FloatType()):
            return "numbers"
    return "other"


def _number_in(kind: inspect.Type) -> _Bounded | None:
    match kind:
        case inspect.IntType() | inspect.FloatType():
            return kind
        case inspect.UnionType(
            (inspect.IntType() | inspect.FloatType() as number, inspect.NoneType())
        ):
            return number
        case inspect.VarTupleType(inspect.FloatType() as number):
            return number
    return None
