"""Command-line arguments for load options, generated from the fields of `LoadOptions`."""

from __future__ import annotations

import argparse
import math
from collections.abc import Collection
from functools import partial

import msgspec
from msgspec import inspect

from app.cli.values import LARGEST, number, whole_number
from app.core.language import tr
from app.core.load_options import AUTOMATIC, LOAD_FIELDS, LoadOptions, LoadValue, flag_of
from app.core.option_fields import option_fields

LOAD_GROUP = tr("load options")
_DEFAULTS_NOTE = tr(
    "Options you leave out come from the model's own settings, or else from the global ones."
)


def add_load_arguments(
    parser: argparse.ArgumentParser, names: Collection[str] = LOAD_FIELDS
) -> None:
    """Declare the load options with these names; options not given leave no attribute."""
    group = parser.add_argument_group(LOAD_GROUP, _DEFAULTS_NOTE)
    for name, kind in _kinds().items():
        if name in names:
            _declare(group, name, kind)


def given_options(arguments: argparse.Namespace) -> dict[str, LoadValue]:
    """Return the load options that were given, by the names of their fields."""
    return {name: getattr(arguments, name) for name in LOAD_FIELDS if hasattr(arguments, name)}


def chosen_options(arguments: argparse.Namespace, options: LoadOptions) -> LoadOptions:
    """Return load options updated with those that were given."""
    return msgspec.structs.replace(options, **given_options(arguments))


def _kinds() -> dict[str, inspect.Type]:
    information = inspect.type_info(LoadOptions)
    if not isinstance(information, inspect.StructType):
        raise TypeError(information)
    return {field.name: _bare(field.type) for field in information.fields}


def _bare(kind: inspect.Type) -> inspect.Type:
    return kind.type if isinstance(kind, inspect.Metadata) else kind


def _declare(group: argparse._ArgumentGroup, name: str, kind: inspect.Type) -> None:
    field = option_fields(LoadOptions)[name]
    words = f"{field.title}: {field.description}"
    declare = partial(group.add_argument, flag_of(name), default=argparse.SUPPRESS, help=words)
    match kind:
        case inspect.BoolType():
            declare(action=argparse.BooleanOptionalAction)
        case inspect.LiteralType(values):
            declare(choices=values)
        case inspect.IntType():
            declare(type=partial(_whole_number, kind), metavar="N")
        case inspect.UnionType((inspect.IntType() as some, inspect.NoneType())):
            declare(type=partial(_number_or_automatic, some), metavar=f"N|{AUTOMATIC}")
        case inspect.VarTupleType(inspect.FloatType()):
            declare(type=partial(_numbers, kind), metavar=f"N,N|{AUTOMATIC}")
        case _:
            raise TypeError(kind)


def _whole_number(kind: inspect.IntType, text: str) -> int:
    return whole_number(text, kind.ge or 0, LARGEST if kind.le is None else kind.le)


def _number_or_automatic(kind: inspect.IntType, text: str) -> int | None:
    return None if text == AUTOMATIC else _whole_number(kind, text)


def _numbers(kind: inspect.VarTupleType, text: str) -> tuple[float, ...]:
    words = [] if text == AUTOMATIC else text.split(",")
    if kind.max_length is not None and len(words) > kind.max_length:
        message = tr("more than {maximum} numbers", maximum=kind.max_length)
        raise argparse.ArgumentTypeError(message)
    part = kind.item_type
    if not isinstance(part, inspect.FloatType):
        raise TypeError(part)
    return tuple(number(word, part.ge or 0, part.le or math.inf) for word in words)
