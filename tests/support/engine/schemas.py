"""JSON schemas written by programs: pydantic's, zod's, and kinds from JSON Schema's test suite.

Their texts are short, so that a random model reaches an end. Each comes with the name of the
feature that it is refused for, or None.
"""

from __future__ import annotations

import datetime
import enum
import uuid
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Word = Annotated[str, Field(max_length=8)]
ZOD = "https://json-schema.org/draft/2020-12/schema"


class Color(enum.Enum):
    """Values with a quotation mark, a backslash and a newline."""

    RED = 're"d'
    BLUE = "bl\\ue"
    GREEN = "gr\neen"


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: Word
    count: Annotated[int, Field(ge=1, le=10)]
    price: Annotated[float, Field(gt=0, lt=100, multiple_of=0.25)]


class Optional(BaseModel):
    note: Word | None = None
    color: Color | None = None
    flags: Annotated[list[bool], Field(max_length=3)] = []


class Dated(BaseModel):
    day: datetime.date
    moment: datetime.datetime
    hour: datetime.time
    key: uuid.UUID


class Cat(BaseModel):
    kind: Literal["cat"] = "cat"
    lives: Annotated[int, Field(ge=1, le=9)]


class Dog(BaseModel):
    kind: Literal["dog"] = "dog"
    bark: Word


class Pet(BaseModel):
    animal: Annotated[Cat | Dog, Field(discriminator="kind")]


class Node(BaseModel):
    value: Annotated[int, Field(ge=0, le=99)]
    next: Node | None = None


class Nested(BaseModel):
    first: Strict
    pair: tuple[Annotated[int, Field(ge=0, le=9)], bool]
    by_name: Annotated[dict[Literal["a", "b"], bool], Field(max_length=2)]


class Unique(BaseModel):
    tags: set[Word]


class Coded(BaseModel):
    code: Annotated[str, Field(pattern=r"^[A-Z]{2}-\d{3}$")]
    size: Literal[1, 2, "three", None]
    path: Annotated[str, Field(max_length=6, json_schema_extra={"format": "path"})]


def of(**properties: Any) -> dict[str, Any]:
    """Return an object with exactly these properties."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def zod(**properties: Any) -> dict[str, Any]:
    """Return an object as written by zod's `toJSONSchema`."""
    return {"$schema": ZOD, **of(**properties)}


def short(**more: Any) -> dict[str, Any]:
    """Return a short text."""
    return {"type": "string", "maxLength": 6} | more


DIGIT = {"type": "integer", "minimum": 0, "maximum": 9}
PYDANTIC = (Strict, Optional, Dated, Pet, Node, Coded)
TREE = {"type": "object", "properties": {"v": DIGIT, "l": {"$ref": "#"}}, "required": ["v"]}
CIRCLE = {**of(kind={"const": "circle"}, radius=DIGIT), "required": ["radius"]}
SQUARE = {**of(kind={"const": "square"}, side=DIGIT), "required": ["side"]}
SHAPES = {"circle": CIRCLE, "square": SQUARE}
REFERENCES = [{"$ref": f"#/$defs/{name}"} for name in SHAPES]
EMAIL_PATTERN = r"^(?!\.)(?!.*\.\.)([A-Za-z0-9_'+\-\.]*)[A-Za-z0-9_+-]@[A-Za-z]{2,}$"

Case = tuple[str, dict[str, Any] | bool, str | None]
CASES: tuple[Case, ...] = (
    *((f"pydantic {model.__name__}", model.model_json_schema(), None) for model in PYDANTIC),
    ("pydantic set", Unique.model_json_schema(), "uniqueItems"),
    ("pydantic nested", Nested.model_json_schema(), "min/maxProperties"),
    ("zod number", zod(n={"type": "integer", "minimum": -100, "maximum": 100}), None),
    ("zod literal", zod(l={"type": "string", "const": "yes"}), None),
    ("zod enum", zod(e={"type": "string", "enum": ["a", "b"]}), None),
    ("zod nullable", zod(n={"anyOf": [short(), {"type": "null"}]}), None),
    ("zod default", zod(d={"default": "x", **short()}), None),
    ("zod array", zod(a={"type": "array", "items": DIGIT, "minItems": 1, "maxItems": 3}), None),
    (
        "zod tuple",
        zod(t={"type": "array", "prefixItems": [DIGIT, short()], "items": False, "minItems": 2}),
        None,
    ),
    (
        "zod record",
        zod(
            r={
                "type": "object",
                "propertyNames": {"type": "string", "enum": ["a", "b"]},
                "additionalProperties": DIGIT,
                "required": ["a", "b"],
            }
        ),
        None,
    ),
    ("zod union", {"$defs": SHAPES, **zod(s={"oneOf": REFERENCES})}, None),
    ("zod intersection", {"allOf": [of(a=DIGIT) | {"additionalProperties": True}]}, None),
    ("zod datetime", zod(t={"type": "string", "format": "date-time"}), None),
    ("zod email", zod(m={"type": "string", "format": "email", "maxLength": 12}), None),
    ("zod email pattern", zod(m={"type": "string", "pattern": EMAIL_PATTERN}), "look-around"),
    ("zod ipv4", zod(i={"type": "string", "format": "ipv4"}), None),
    ("zod base64", zod(b={**short(), "contentEncoding": "base64", "format": "base64"}), None),
    ("integer in limits", {"type": "integer", "minimum": 1, "maximum": 5}, None),
    ("exclusive", {"type": "integer", "exclusiveMinimum": 1, "exclusiveMaximum": 3}, None),
    ("number in limits", {"type": "number", "minimum": 0.5, "maximum": 0.75}, None),
    ("multiples", {"type": "integer", "multipleOf": 7, "minimum": 20, "maximum": 50}, None),
    ("int32", {"type": "integer", "format": "int32"}, None),
    ("type and enum", {"type": ["string", "null"], "enum": ["a", None]}, None),
    ("enum with marks", {"enum": ['"', "\\", "\n", "ü€😀", {"a": [1, None]}, -1.5, True]}, None),
    ("enum and type", {"type": "integer", "enum": [1, "2", 3]}, None),
    ("odd keys", of(**{'q"': DIGIT, "b\\": DIGIT, "l\n": DIGIT, "ü": DIGIT}), None),
    ("digits", {"type": "string", "pattern": r"^\d{4}-\d{2}$"}, None),
    ("pattern within", {"type": "string", "pattern": r"\S", "maxLength": 4}, None),
    (
        "pattern and length",
        {"type": "string", "pattern": "^a+$", "minLength": 3, "maxLength": 4},
        None,
    ),
    ("back reference", {"type": "string", "pattern": r"^(a)\1$"}, "backreference"),
    ("long text", of(s={"type": "string", "minLength": 1, "maxLength": 65_536}), None),
    ("list of 2,000", {"type": "array", "items": DIGIT, "maxItems": 2000}, None),
    ("refers to itself", TREE, None),
    ("root reference", {"$ref": "#/$defs/circle", "$defs": SHAPES}, None),
    ("chosen by type", {"oneOf": [DIGIT, {"type": "boolean"}, {"type": "null"}]}, None),
    ("chosen by property", {"oneOf": REFERENCES, "$defs": SHAPES}, None),
    ("titled values", {"oneOf": [{"const": n, "title": "T"} for n in ("a", "b")]}, None),
    ("not exclusive", {"oneOf": [DIGIT, {"type": "number", "maximum": 9}]}, "oneOf"),
    ("any of", {"anyOf": [DIGIT, {"type": "string", "enum": ["x"]}]}, None),
    ("all of", {"allOf": [{"type": "integer", "minimum": 3}, {"maximum": 4}]}, None),
    ("reference and more", {"$ref": "#/$defs/d", "maximum": 3, "$defs": {"d": DIGIT}}, None),
    ("true", True, None),
    ("false", False, "false"),
    ("anything", {}, None),
    ("a property of any kind", of(a=True, b={}), None),
    ("list of anything", {"type": "array", "items": {}, "maxItems": 2}, None),
    ("older tuple", {"type": "array", "items": [DIGIT], "additionalItems": False}, None),
    ("patterns of keys", {"type": "object", "patternProperties": {"^a$": DIGIT}}, None),
    ("not", {"not": {"type": "string"}}, "not"),
    ("condition", {"if": {"type": "string"}, "then": {"maxLength": 2}}, "if"),
    ("contains", {"type": "array", "contains": DIGIT}, "contains"),
    ("dependent", {"type": "object", "dependentRequired": {"a": ["b"]}}, "dependentRequired"),
    ("unevaluated", {"type": "object", "unevaluatedProperties": False}, "unevaluatedProperties"),
    ("fewest", {"additionalProperties": DIGIT, "minProperties": 2}, "minProperties"),
    ("at least one", {**of(a=DIGIT, b=DIGIT), "required": [], "minProperties": 1}, None),
    ("regular expression", {"type": "string", "format": "regex"}, "“regex”"),
    ("divisible", {"type": "integer", "divisibleBy": 2}, "divisibleBy"),
    ("elsewhere", {"$ref": "https://example.com/a.json"}, "example.com"),
    ("nowhere", {"$ref": "#/$defs/a"}, "/$defs/a"),
    ("no type", {"type": "wheat"}, "wheat"),
    ("too many", of(**{f"p{n}": True for n in range(5001)}), "5,000 properties"),
    ("too many optional", {"properties": {f"p{n}": True for n in range(2001)}}, "2,000 optional"),
)
