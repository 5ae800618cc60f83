"""Rewrite `oneOf` in JSON schemas as `anyOf`, if no document can satisfy two alternatives."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

_ANNOTATIONS = {"title", "description", "default", "examples", "deprecated", "$comment"}
_LONGEST_CHAIN = 16
_PLAIN = (str, bool, type(None))
_Schema = dict[str, Any]


def relax_one_of(document: _Schema, nodes: Iterable[_Schema]) -> None:
    """Rewrite `oneOf` as `anyOf` in the schemas `nodes` of a document, in place.

    Alternatives exclude each other by their types, by their values, or by a property with different
    values in each. That property becomes required: without it, all alternatives could hold.
    """
    for node in nodes:
        given = node.get("oneOf")
        if not isinstance(given, list):
            continue
        shown = [_resolved(document, alternative) for alternative in given]
        tags = [
            _tag(one, other) if one and other else None
            for one, other in itertools.combinations(shown, 2)
        ]
        if None in tags:
            continue
        pairs = itertools.combinations(shown, 2)
        for (one, other), tag in zip(pairs, tags, strict=True):
            for alternative in (one, other):
                if tag and alternative is not None:
                    _require(alternative, tag)
        del node["oneOf"]
        if "anyOf" in node:
            node["allOf"] = [*node.get("allOf", ()), {"anyOf": given}]
        else:
            node["anyOf"] = given


def _resolved(document: _Schema, schema: Any) -> _Schema | None:
    """Return the schema that a reference leads to; None if it can't be resolved safely."""
    for _ in range(_LONGEST_CHAIN):
        if not isinstance(schema, dict):
            return None
        if "$ref" not in schema:
            return schema
        if set(schema) - _ANNOTATIONS - {"$ref"} or "$id" in document:
            return None
        schema = _at(document, schema["$ref"])
    return None


def _at(document: _Schema, reference: Any) -> Any:
    if not isinstance(reference, str) or not reference.startswith("#/"):
        return None
    node: Any = document
    for part in reference[2:].split("/"):
        node = node.get(part) if isinstance(node, dict) else None
    return node


def _tag(one: _Schema, other: _Schema) -> str | None:
    """Return the property that separates two schemas; "" if none is needed, None if none does."""
    kinds, others = _kinds(one), _kinds(other)
    if kinds and others and not kinds & others:
        return ""
    values, rest = _values(one), _values(other)
    if values and rest and not values & rest:
        return ""
    if not kinds == others == {"object"}:
        return None
    properties = _properties(other)
    for name, schema in _properties(one).items():
        first, second = _values(schema), _values(properties.get(name))
        if first and second and not first & second:
            return name
    return None


def _kinds(schema: _Schema) -> set[str]:
    """Return the types of a schema's documents; empty if any is allowed."""
    given = schema.get("type")
    named = given if isinstance(given, list) else [given]
    kinds = {kind for kind in named if isinstance(kind, str)}
    return kinds | {"integer"} if "number" in kinds else kinds


def _values(schema: Any) -> set[tuple[str, Any]]:
    """Return the values of a schema; empty if they aren't only strings, booleans and null."""
    if not isinstance(schema, dict):
        return set()
    given = [schema["const"]] if "const" in schema else schema.get("enum")
    # Equal numbers can be written in several ways.
    if not isinstance(given, list) or not all(isinstance(value, _PLAIN) for value in given):
        return set()
    return {(type(value).__name__, value) for value in given}


def _properties(schema: _Schema) -> Mapping[str, Any]:
    properties = schema.get("properties")
    return properties if isinstance(properties, dict) else {}


def _require(schema: _Schema, name: str) -> None:
    required = schema.get("required")
    named: Iterator[str] = iter(required) if isinstance(required, list) else iter(())
    schema["required"] = list(dict.fromkeys((*named, name)))
