"""JSON schemas as llguidance gets them: what follows them follows the schema that was given."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from llguidance import LLMatcher, LLTokenizer

from app.core.errors import AppError
from app.inference.schemas.json_schemas import enforceable
from app.inference.schemas.lark import json_grammar
from tests.support.engine.schemas import CASES, DIGIT, REFERENCES, SHAPES, of

BYTES = LLTokenizer("byte")
SIX = {"type": "integer", "multipleOf": 2, "allOf": [{"multipleOf": 3}]}


def follows(schema: Any, value: Any) -> bool:
    """Whether a reply by the schema can be this value."""
    matcher = LLMatcher(BYTES, json_grammar(schema), log_level=0)
    assert not matcher.is_error(), matcher.get_error()
    text = json.dumps(value, ensure_ascii=False).encode()
    return bool(matcher.consume_tokens(list(text)) and matcher.is_accepting())


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        ({"type": "integer", "minimum": 1, "maximum": 5}, [1, 5], [0, 6, 1234567890000000]),
        ({"type": ["string", "null"], "enum": ["a", None]}, ["a", None], ["b", 1]),
        ({"type": "string", "pattern": r"^\d{2}$"}, ["12"], ["1", "123", "٣٣", "ab"]),
        (
            {"format": "date"},
            ["2024-02-29", "2000-02-29"],
            ["2023-02-29", "1900-02-29", "0000-01-01"],
        ),
        ({"format": "date", "pattern": "^19"}, ["1999-12-31"], ["2000-01-01", "1999-02-30"]),
        ({"format": "time"}, ["23:59:59Z", "00:00:00.5+01:00"], ["23:59:60Z", "24:00:00Z"]),
        ({"format": "date-time"}, ["2024-02-29T10:00:00Z"], ["2023-02-29T10:00:00Z", "2024-02-29"]),
        ({"type": "integer", "format": "int32"}, [2**31 - 1], [2**31, -(2**31) - 1]),
        ({"type": "string", "format": "path"}, ["a/b", ""], [1]),
        (SIX, [6, 12], [2, 3]),
        (of(a=DIGIT), [{"a": 1}], [{"a": 10}, {}, {"a": 1, "b": 2}]),
        ({"properties": {"a": DIGIT}}, [{}, {"a": 1}], [{"b": 1}]),
        ({"properties": {"a": DIGIT}, "additionalProperties": True}, [{"a": 1, "b": 2}], []),
        (
            {"allOf": [{"properties": {"a": DIGIT}}, {"properties": {"b": DIGIT}}]},
            [{"a": 1, "b": 2}],
            [{"a": 1, "b": 20}],
        ),
        (
            {"oneOf": REFERENCES, "$defs": SHAPES},
            [{"kind": "circle", "radius": 1}, {"kind": "square", "side": 2}],
            [{"radius": 1}, {"kind": "square", "radius": 1}],
        ),
        ({"propertyNames": {"pattern": "^a+$"}, "type": "object"}, [{"aa": 1}], [{"b": 1}]),
        ({"propertyNames": {"enum": ["a"]}, "type": "object"}, [{"a": 1}, {}], [{"b": 1}]),
        ({"type": "object", "propertyNames": {"type": "string"}}, [{"b": 1}], []),
        ({"type": "array", "uniqueItems": False, "items": DIGIT}, [[1, 1]], [[10]]),
        ({"const": {"format": "x", "oneOf": 1}}, [{"format": "x", "oneOf": 1}], [{"oneOf": 1}]),
        (
            {"properties": {"format": DIGIT, "oneOf": DIGIT}},
            [{"format": 1, "oneOf": 2}],
            [{"x": 1}],
        ),
        ({"x-guidance": {"lenient": True}, "type": "integer"}, [1], ["a"]),
        (True, [{"a": [1, None]}, "x"], []),
    ],
)
def test_what_is_limited_stays_limited(schema: Any, good: list[Any], bad: list[Any]) -> None:
    before = json.dumps(schema)
    for value in good:
        assert follows(schema, value), value
    for value in bad:
        assert not follows(schema, value), value
    assert json.dumps(schema) == before


def test_no_value_follows_that_the_validator_refuses() -> None:
    values: list[Any] = [None, True, 0, 3, 9, 21, -1.5, 0.5, "", "a", "aaa", "x", "2024-02-30"]
    values += [[], [1], [1, "a"], {}, {"a": 1}, {"b": 1}, {"a": "x"}, {"kind": "circle"}]
    values += [{"kind": "square", "side": 1}, {"v": 1, "l": {"v": 2}}, {"v": 1, "l": {}}]
    for name, schema, refused_for in CASES:
        if refused_for or "older" in name:
            continue
        validator = jsonschema.Draft202012Validator(schema)
        for value in values:
            assert validator.is_valid(value) or not follows(schema, value), (name, value)


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        (False, "false"),
        ({"extends": {}}, "“extends”"),
        ({"items": {"divisibleBy": 2}}, "“divisibleBy”"),
        ({"multipleOf": 100_003}, "“multipleOf”"),
        ({"allOf": [{"multipleOf": 1009}, {"multipleOf": 1013}]}, "“multipleOf”"),
        ({"patternProperties": {f"^a{n}$": True for n in range(65)}}, "“patternProperties”"),
        ({"minProperties": 2}, "“minProperties”"),
        ({"description": "x" * 2**20}, "larger than"),
        ({"enum": [json.loads("[" * 200 + "]" * 200)]}, "nested"),
    ],
)
def test_what_can_not_be_kept_is_refused_by_name(schema: Any, reason: str) -> None:
    with pytest.raises(AppError) as raised:
        enforceable(schema)
    assert reason in str(raised.value.details["reason"])


@pytest.mark.parametrize(
    ("name", "limits"),
    [
        ("exclusiveMinimum", {"exclusiveMinimum": 0, "exclusiveMaximum": 0.01}),
        ("exclusiveMinimum", {"exclusiveMinimum": 1, "maximum": 1.002}),
        ("exclusiveMaximum", {"minimum": -1.1, "exclusiveMaximum": -1}),
        ("exclusiveMaximum", {"exclusiveMinimum": -0.01, "exclusiveMaximum": 0}),
    ],
)
def test_an_exclusive_limit_that_would_pass_is_refused(name: str, limits: dict[str, float]) -> None:
    with pytest.raises(AppError) as raised:
        enforceable({"type": "object", "properties": {"a": {"type": "number", **limits}}})
    assert f"“{name}”" in str(raised.value.details["reason"])


def test_exclusive_limits_that_are_kept_and_counts_with_a_point() -> None:
    kept = {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}
    assert enforceable(kept) == kept
    assert enforceable({"type": "string", "maxLength": 3.0}) == {"type": "string", "maxLength": 3}
