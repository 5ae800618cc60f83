"""JSON schemas in the words that llguidance keeps: the same documents, or fewer, never others.

llguidance refuses by name the keywords that it can't keep. What is left here are the words that it
would pass over, those that it takes more loosely than JSON Schema, and those that it need not
refuse. Its limits on sizes are set here, too, because some of its steps take time that grows with
their square.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, TypeAlias

from app.core.errors import AppError, ErrorCode
from app.inference.schemas.schema_choices import open_choices
from app.inference.schemas.schema_limits import normalize_limits

AnySchema: TypeAlias = dict[str, Any] | bool
LARGEST_SCHEMA_BYTES = 512 * 1024
_DEEPEST = 100
_MOST_PROPERTIES, _MOST_OPTIONAL, _MOST_PATTERNS = 5000, 2000, 64
_LARGEST_MULTIPLE = 100_000
_BRACKET = re.compile(r"[\[\]{}]")
_DATA = ("const", "enum", "default", "example", "examples")
_NAMED = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
"""The keywords whose values are schemas by names, which may look like keywords."""
_OLD_LIMITS = ("divisibleBy", "disallow", "extends", "$recursiveRef")
"""The limits of earlier drafts that llguidance takes for annotations."""
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
"""The formats of numbers in OpenAPI's registry that are limits."""
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
"""JSON Schema's own formats. All others are annotations, as its standard says of them."""


def enforceable(schema: AnySchema) -> dict[str, Any]:
    """The schema as llguidance is to get it.

    Objects whose schema names properties and says nothing of others have no others, as llama.cpp's
    own converter has it; where schemas are combined, they stay open.

    Raises:
        AppError: `request_invalid` for a schema that is too large or has what can't be kept.
    """
    if schema is False:
        raise _refusal("no document follows the JSON schema “false”")
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
    open_choices(document, nodes)
    if not any(map(_combines, nodes)):
        for node in nodes:
            _close(node)
    return document


def _copy(schema: AnySchema) -> dict[str, Any]:
    try:
        text = json.dumps(schema)
    except RecursionError as error:
        raise _refusal("the JSON schema is nested too deeply") from error
    if len(text) > LARGEST_SCHEMA_BYTES:
        raise _refusal(f"the JSON schema is larger than {LARGEST_SCHEMA_BYTES // 1024} KiB")
    if _depth(text) > _DEEPEST:
        raise _refusal("the JSON schema is nested too deeply")
    document: dict[str, Any] = json.loads(text)
    return document


def _nodes(value: Any) -> Iterator[dict[str, Any]]:
    """All schemas within a schema; what stands under words of no meaning may be referred to."""
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
    if sum(map(len, named)) > _MOST_PROPERTIES:
        raise _refusal(f"the JSON schema has more than {_MOST_PROPERTIES} properties")
    if any(map(_has_many_optional, nodes)):
        reason = f"an object of the JSON schema has more than {_MOST_OPTIONAL} optional properties"
        raise _refusal(reason)
    patterns = [node["patternProperties"] for node in nodes if "patternProperties" in node]
    if sum(len(pattern) for pattern in patterns if isinstance(pattern, dict)) > _MOST_PATTERNS:
        raise _refusal(f"the JSON schema has more than {_MOST_PATTERNS} “patternProperties”")
    steps = {_digits(node["multipleOf"]) for node in nodes if "multipleOf" in node}
    # What is combined must be a multiple of both.
    if math.lcm(*steps) > _LARGEST_MULTIPLE:
        raise _refusal("the numbers of “multipleOf” are too large in a JSON schema")


def _has_many_optional(node: dict[str, Any]) -> bool:
    properties, required = node.get("properties"), node.get("required")
    count = len(required) if isinstance(required, list) else 0
    return isinstance(properties, dict) and len(properties) - count > _MOST_OPTIONAL


def _digits(step: Any) -> int:
    """A step as llguidance counts it: without its decimal point."""
    if isinstance(step, bool) or not isinstance(step, int | float) or not math.isfinite(step):
        return 1
    return abs(Fraction(str(step)).numerator) or 1


def _require_known(node: dict[str, Any]) -> None:
    for keyword in _OLD_LIMITS:
        if keyword in node:
            raise _refusal(f"“{keyword}” is not supported in a JSON schema")
    fewest, required = node.get("minProperties", 0), node.get("required", [])
    if isinstance(fewest, int) and isinstance(required, list) and fewest > len(required) + 1:
        # The same key twice would count for two.
        raise _refusal("“minProperties” is not supported in a JSON schema, except 1")
    if "$ref" in node and "$id" in node:
        # Before draft 2019-09 it had no meaning there, since then it changes what is referred to.
        raise _refusal("“$id” beside “$ref” is not supported in a JSON schema")


def _rewrite_format(node: dict[str, Any]) -> None:
    name = node.get("format")
    if not isinstance(name, str):
        return
    if name in _PATTERNS:
        node["allOf"] = [*node.get("allOf", ()), {"pattern": _PATTERNS[name]}]
    elif name in _BOUNDS and node.get("type") in {"integer", "number"}:
        least, most = _BOUNDS[name]
        node["allOf"] = [*node.get("allOf", ()), {"minimum": least, "maximum": most}]
    elif name in _FORMATS:
        return
    del node["format"]


def _rewrite_names(node: dict[str, Any]) -> None:
    """Say `propertyNames` in other words, where that is all that is said of the properties."""
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
