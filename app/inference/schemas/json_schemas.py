"""Rewrite JSON schemas with keywords that llguidance enforces.

The result never accepts documents that the original rejects.

llguidance refuses keywords that it can't enforce, by name. This module handles those that it would
ignore, those that it interprets more loosely than JSON Schema, and those that it refuses without
need. It also bounds sizes, because some of llguidance's steps take quadratic time.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, TypeAlias

from app.core.errors import AppError, ErrorCode
from app.core.language import tr
from app.inference.schemas.schema_choices import relax_one_of
from app.inference.schemas.schema_limits import normalize_limits

AnySchema: TypeAlias = dict[str, Any] | bool
LARGEST_SCHEMA_BYTES = 512 * 1024
_DEEPEST = 100
_MAX_PROPERTIES, _MAX_OPTIONAL, _MAX_PATTERNS = 5000, 2000, 64
_LARGEST_MULTIPLE = 100_000
_BRACKET = re.compile(r"[\[\]{}]")
_DATA = ("const", "enum", "default", "example", "examples")
_NAMED = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
"""Keywords whose values are schemas by name; the names may look like keywords."""
_OLD_LIMITS = ("divisibleBy", "disallow", "extends", "$recursiveRef")
"""Constraints of earlier drafts that llguidance treats as annotations."""
_ANNOTATIONS = {"title", "description", "default", "examples", "deprecated", "$comment"}
_COMBINERS = ("allOf", "anyOf", "oneOf", "$ref")
_ABOUT_OBJECTS = ("properties", "required", "additionalProperties", "patternProperties")
_OPENERS = ("additionalProperties", "patternProperties", "propertyNames", "minProperties")
_YEAR = "([1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])"
_LEAP_YEAR = (
    "([0-9]{2}(0[48]|[2468][048]|[13579][26])|(0[48]|[2468][048]|[13579][26])00)"  # not 0000
)
_DATE = (
    f"({_YEAR}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)"
    f"|02-(0[1-9]|1[0-9]|2[0-8]))|{_LEAP_YEAR}-02-29)"
)
_TIME = (
    r"([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
)
_PATTERNS = {"date": f"^{_DATE}$", "time": f"^{_TIME}$", "date-time": f"^{_DATE}T{_TIME}$"}
"""llguidance's own patterns for these allow 29 February in every year, and leap seconds."""
_BOUNDS = {
    "int32": (-(2**31), 2**31 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "uint32": (0, 2**32 - 1),
    "uint64": (0, 2**64 - 1),
}
"""Number formats of OpenAPI's registry that are ranges."""
_FORMATS = frozenset(
    {
        *(
            "date",
            "time",
            "date-time",
            "duration",
            "email",
            "idn-email",
            "hostname",
            "idn-hostname",
        ),
        *(
            "host-name",
            "ipv4",
            "ipv6",
            "ip-address",
            "uri",
            "uri-reference",
            "iri",
            "uuid",
            "regex",
        ),
        *("iri-reference", "uri-template", "json-pointer", "relative-json-pointer", "color"),
    }
)
"""JSON Schema's own formats. All others are annotations, as its standard says."""


def enforceable(schema: AnySchema) -> dict[str, Any]:
    """Return the schema rewritten for llguidance.

    Objects whose schema lists properties and doesn't mention others get no others, as in
    llama.cpp's own converter; if schemas are combined, they stay open.

    Raises:
        AppError: `request_invalid` for a schema that is too large or has unsupported keywords.
    """
    if schema is False:
        raise _refusal(tr("nothing satisfies the JSON schema “false”"))
    document: dict[str, Any] = {} if schema is True else _copy(schema)
    document.pop("x-guidance", None)
    nodes = list(_nodes(document))
    _require_bounded(nodes)
    for node in nodes:
        _require_known(node)
        normalize_limits(node)
        _rewrite_format(node)
        _rewrite_names(node)
        if node.get("uniqueItems") is False:
            del node["uniqueItems"]
    relax_one_of(document, nodes)
    if not any(map(_combines, nodes)):
        for node in nodes:
            _close(node)
    return document


def _copy(schema: AnySchema) -> dict[str, Any]:
    try:
        text = json.dumps(schema)
    except RecursionError as error:
        raise _refusal(tr("the JSON schema is nested too deeply")) from error
    if len(text) > LARGEST_SCHEMA_BYTES:
        raise _refusal(
            tr("the JSON schema is larger than {limit} KiB", limit=LARGEST_SCHEMA_BYTES // 1024)
        )
    if _depth(text) > _DEEPEST:
        raise _refusal(tr("the JSON schema is nested too deeply"))
    document: dict[str, Any] = json.loads(text)
    return document


def _nodes(value: Any) -> Iterator[dict[str, Any]]:
    """Yield all schemas within a schema, even under unknown keywords: they may be referenced."""
    if isinstance(value, list):
        for item in value:
            yield from _nodes(item)
    if not isinstance(value, dict):
        return
    yield value
    for key, item in value.items():
        if key in _NAMED and isinstance(item, dict):
            for named in item.values():
                yield from _nodes(named)
        elif key not in _DATA:
            yield from _nodes(item)


def _require_bounded(nodes: list[dict[str, Any]]) -> None:
    named = [properties for node in nodes if isinstance(properties := node.get("properties"), dict)]
    if sum(map(len, named)) > _MAX_PROPERTIES:
        raise _refusal(
            tr("the JSON schema has more than {limit} properties", limit=_MAX_PROPERTIES)
        )
    if any(map(_has_many_optional, nodes)):
        raise _refusal(
            tr(
                "an object of the JSON schema has more than {limit} optional properties",
                limit=_MAX_OPTIONAL,
            )
        )
    patterns = [node["patternProperties"] for node in nodes if "patternProperties" in node]
    if sum(len(pattern) for pattern in patterns if isinstance(pattern, dict)) > _MAX_PATTERNS:
        raise _refusal(
            tr("the JSON schema has more than {limit} “patternProperties”", limit=_MAX_PATTERNS)
        )
    steps = {_digits(node["multipleOf"]) for node in nodes if "multipleOf" in node}
    # In combined schemas, a number must be a multiple of both.
    if math.lcm(*steps) > _LARGEST_MULTIPLE:
        raise _refusal(tr("the values of “multipleOf” in the JSON schema are too large"))


def _has_many_optional(node: dict[str, Any]) -> bool:
    properties, required = node.get("properties"), node.get("required")
    count = len(required) if isinstance(required, list) else 0
    return isinstance(properties, dict) and len(properties) - count > _MAX_OPTIONAL


def _digits(step: Any) -> int:
    """Return a step as llguidance counts it: an integer, without the decimal point."""
    if isinstance(step, bool) or not isinstance(step, int | float) or not math.isfinite(step):
        return 1
    return abs(Fraction(str(step)).numerator) or 1


def _require_known(node: dict[str, Any]) -> None:
    for keyword in _OLD_LIMITS:
        if keyword in node:
            raise _refusal(tr("“{keyword}” is not supported in a JSON schema", keyword=keyword))
    fewest, required = node.get("minProperties", 0), node.get("required", [])
    if isinstance(fewest, int) and isinstance(required, list) and fewest > len(required) + 1:
        # A repeated key would count twice.
        raise _refusal(tr("“minProperties” above 1 is not supported in a JSON schema"))
    if "$ref" in node and "$id" in node:
        # Before draft 2019-09 “$id” had no effect there; since then it sets the reference's base.
        raise _refusal(tr("“$id” beside “$ref” is not supported in a JSON schema"))


def _rewrite_format(node: dict[str, Any]) -> None:
    name = node.get("format")
    if not isinstance(name, str):
        return
    if name in _PATTERNS:
        node["allOf"] = [*node.get("allOf", ()), {"pattern": _PATTERNS[name]}]
    elif name in _BOUNDS and node.get("type") in {"integer", "number"}:
        minimum, maximum = _BOUNDS[name]
        node["allOf"] = [*node.get("allOf", ()), {"minimum": minimum, "maximum": maximum}]
    elif name in _FORMATS:
        return
    del node["format"]


def _rewrite_names(node: dict[str, Any]) -> None:
    """Rewrite `propertyNames` with other keywords, if nothing else constrains the properties."""
    names = node.get("propertyNames")
    if not isinstance(names, dict):
        return
    said = {key: value for key, value in names.items() if key not in _ANNOTATIONS | {"type"}}
    if names.get("type", "string") != "string" or "properties" in node:
        return
    others = node.get("additionalProperties", True)
    if not said:
        del node["propertyNames"]
    elif "patternProperties" in node:
        return
    elif said.keys() == {"pattern"}:
        del node["propertyNames"]
        node |= {"patternProperties": {said["pattern"]: others}, "additionalProperties": False}
    elif said.keys() == {"enum"} and isinstance(said["enum"], list):
        del node["propertyNames"]
        listed = {name: others for name in said["enum"] if isinstance(name, str)}
        node |= {"properties": listed, "additionalProperties": False}


def _combines(node: dict[str, Any]) -> bool:
    parts = node.get("allOf")
    if isinstance(parts, list) and len(parts) > 1:
        return True
    return any(key in node for key in _COMBINERS) and any(key in node for key in _ABOUT_OBJECTS)


def _close(node: dict[str, Any]) -> None:
    properties, required = node.get("properties"), node.get("required", [])
    if not isinstance(properties, dict) or not isinstance(required, list):
        return
    if not any(key in node for key in _OPENERS) and all(name in properties for name in required):
        node["additionalProperties"] = False


def _depth(text: str) -> int:
    deepest = depth = 0
    for bracket in _BRACKET.findall(text):
        depth += 1 if bracket in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _refusal(reason: str) -> AppError:
    return AppError(ErrorCode.REQUEST_INVALID, reason=reason)
