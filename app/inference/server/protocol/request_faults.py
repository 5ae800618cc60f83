"""Explain why a request body can't be read: the field's path, and what its value may be.

msgspec's and Python's messages name Python types, don't name the allowed values, and change with
their versions; clients get one plain message instead.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
from msgspec import inspect

from app.core.language import fill, tr

_PLACE = re.compile(r"(?s)(?P<fault>.*?)(?: - at (?P<key>`key` in )?`\$(?P<path>[^`]*)`)?")
_STEP = re.compile(r"\.(?P<field>[^.\[]+)|\[(?:\d+|\.\.\.)\]")
_LONGEST_VALUE = 64
_TYPES = {
    "array": tr("an array"),
    "bool": tr("a boolean"),
    "float": tr("a number"),
    "int": tr("an integer"),
    "null": tr("null"),
    "object": tr("an object"),
    "str": tr("a string"),
}
_BOUNDS = {
    "<=": tr("{place} must be at most {limit}"),
    ">=": tr("{place} must be at least {limit}"),
    "<": tr("{place} must be less than {limit}"),
    ">": tr("{place} must be greater than {limit}"),
}
_LENGTHS = {
    "array": tr("{place} must have at most {limit} items"),
    "object": tr("{place} must have at most {limit} entries"),
    "str": tr("{place} must have at most {limit} characters"),
}


def explain_fault(body: bytes | msgspec.Raw, error: Exception, kind: Any, root: str = "$") -> str:
    """Return the message for an error raised by `msgspec.json.decode(body, type=kind)`.

    `root` is the path of the body within the request.
    """
    if isinstance(error, RecursionError):
        return tr("{place} is nested too deeply", place=_named(root))
    try:
        bytes(body).decode()
    except UnicodeDecodeError as unreadable:
        return tr("the body is not valid UTF-8 (byte {position})", position=unreadable.start)
    found = _PLACE.fullmatch(str(error))
    path = (found and found["path"]) or ""
    place = _named(root + path)
    if found and found["key"]:
        place = tr("a key of {place}", place=place)
    fault = found["fault"] if found else ""
    for pattern, describe in _MESSAGES:
        if match := pattern.fullmatch(fault):
            return describe(match, place, lambda: _allowed(kind, path))
    # The message of our own check, which names fields but not their path.
    return tr("{fault} (at {place})", fault=fault, place=place)


def _named(path: str) -> str:
    return tr("the body") if path == "$" else f"`{path}`"


def _wrong_type(match: re.Match[str], place: str, _: Callable[[], list[str]]) -> str:
    *others, last = [_TYPES.get(name, name) for name in match["types"].split(" | ")]
    types = tr("{others} or {last}", others=", ".join(others), last=last) if others else last
    given = _TYPES.get(match["given"], match["given"])
    return tr("{place} must be {types}, not {given}", place=place, types=types, given=given)


def _out_of_bounds(match: re.Match[str], place: str, _: Callable[[], list[str]]) -> str:
    return fill(_BOUNDS[match["bound"]], place=place, limit=match["limit"])


def _wrong_length(match: re.Match[str], place: str, _: Callable[[], list[str]]) -> str:
    if match["bound"] == ">=":
        return tr("{place} must not be empty", place=place)
    return fill(_LENGTHS[match["type"]], place=place, limit=match["limit"])


def _wrong_value(match: re.Match[str], place: str, allowed: Callable[[], list[str]]) -> str:
    given = match["value"]
    given = f"“{given[1:-1]}”" if given.startswith("'") else given
    if len(given) > _LONGEST_VALUE:
        given = given[:_LONGEST_VALUE] + "…"
    *others, last = allowed()
    values = tr("{others} or {last}", others=", ".join(others), last=last) if others else last
    return tr("{place} must be {values}, not {given}", place=place, values=values, given=given)


def _malformed(match: re.Match[str], *_: object) -> str:
    return tr("the body is not valid JSON (byte {position})", position=match["position"])


_MESSAGES: tuple[
    tuple[re.Pattern[str], Callable[[re.Match[str], str, Callable[[], list[str]]], str]], ...
] = (
    (re.compile(r"Expected `(?P<types>[^`]+)`, got `(?P<given>[^`]+)`"), _wrong_type),
    (re.compile(r"Expected `\w+` (?P<bound>[<>]=?) (?P<limit>\S+)"), _out_of_bounds),
    (
        re.compile(r"Expected `(?P<type>\w+)` of length (?P<bound>[<>]=) (?P<limit>\d+)"),
        _wrong_length,
    ),
    (
        re.compile(r"Expected `str` matching regex '(?P<pattern>.*)'"),
        lambda match, place, _: tr(
            "{place} must match {pattern}", place=place, pattern=match["pattern"]
        ),
    ),
    (
        re.compile(r"Object missing required field `(?P<field>.*)`"),
        lambda match, place, _: tr(
            "{place} needs the field “{field}”", place=place, field=match["field"]
        ),
    ),
    (re.compile(r"(?s)Invalid (?:enum )?value (?P<value>.*)"), _wrong_value),
    (
        re.compile("Number out of range"),
        lambda _match, place, _: tr("{place} is out of range", place=place),
    ),
    (re.compile(r"JSON is malformed: .*\(byte (?P<position>\d+)\)"), _malformed),
    (
        # Also half a surrogate pair, for which msgspec looks beyond the end.
        re.compile("Input data was truncated"),
        lambda *_: tr("the body is not valid JSON, or is cut short"),
    ),
)


def _allowed(kind: Any, path: str) -> list[str]:
    """Return the values that the field at a path may have, as they are shown."""
    types: list[inspect.Type] = list(_members(_type_info(kind)))
    tags: list[Any] = []
    for step in _STEP.finditer(path):
        if field := step["field"]:
            tags = [tag for one in types for tag in _tags(one, field)]
        types = [inner for one in types for inner in _inside(one, field)]
    literals = [
        value for one in types if isinstance(one, inspect.LiteralType) for value in one.values
    ]
    return [f"“{one}”" if isinstance(one, str) else str(one) for one in [*literals, *tags]]


@functools.cache
def _type_info(kind: Any) -> inspect.Type:
    return inspect.type_info(kind)


def _tags(kind: inspect.Type, field: str) -> Iterator[Any]:
    if isinstance(kind, inspect.StructType) and kind.tag_field == field:
        yield kind.tag


def _members(kind: inspect.Type) -> Iterator[inspect.Type]:
    """Yield the alternatives of a type."""
    match kind:
        case inspect.UnionType(types=types):
            for one in types:
                yield from _members(one)
        case inspect.Metadata(type=inner):
            yield from _members(inner)
        case _:
            yield kind


def _inside(kind: inspect.Type, field: str | None) -> Iterator[inspect.Type]:
    """Yield the types that a field of a value, or its items, may have."""
    match kind:
        case inspect.StructType(fields=fields):
            for one in fields:
                if one.encode_name == field:
                    yield from _members(one.type)
        case inspect.DictType(value_type=inner) | inspect.ListType(item_type=inner):
            yield from _members(inner)
