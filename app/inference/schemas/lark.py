"""llguidance's grammars (its docs/syntax.md): a dialect of Lark with JSON schemas and tokens.

Its texts are never control tokens, so those are named by their numbers, and what a model is free to
say, or a JSON text, holds none of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

from app.inference.schemas.json_schemas import AnySchema, enforceable

ANY_OBJECT: AnySchema = {"type": "object"}
_ANY_TEXT = "(?s:.*)"
# As most models write JSON on one line. White space of the model's choice could go on for ever.
_OPTIONS = {
    "item_separator": ", ",
    "key_separator": ": ",
    "whitespace_flexible": False,
    "coerce_one_of": False,
    "lenient": False,
}


def literal(text: str, controls: Mapping[str, int]) -> str:
    """A text; what of it the vocabulary has as control tokens (`controls`) is written with them."""
    known = sorted((control for control in controls if control and control in text), key=len)
    if not known:
        return plain_literal(text)
    longest_first = "|".join(map(re.escape, reversed(known)))
    return " ".join(
        f"<[{controls[part]}]>" if part in known else plain_literal(part)
        for part in re.split(f"({longest_first})", text)
        if part
    )


def plain_literal(text: str) -> str:
    """A text without control tokens."""
    return json.dumps(text, ensure_ascii=False) if text else ""


def json_value(schema: AnySchema) -> str:
    """A JSON text that follows a schema.

    Raises:
        AppError: `request_invalid`.
    """
    return "%json " + json.dumps(enforceable(schema) | {"x-guidance": _OPTIONS})


def json_grammar(schema: AnySchema) -> str:
    """The grammar of replies that are a JSON text which follows a schema.

    Raises:
        AppError: `request_invalid`.
    """
    return f"start: {json_value(schema)}"


def rules_up_to(mark: str, name: str, controls: Mapping[str, int]) -> Iterator[str]:
    """Rules for any text up to the first `mark`, and the mark; the first one is called `name`.

    A mark that the vocabulary has as a control token may be spelled nevertheless.
    """
    spelled = re.escape(mark).replace("/", "\\/").replace("\\\n", "\\n")
    written = literal(mark, controls)
    if written == plain_literal(mark):
        yield f"{name}[lazy]: /{_ANY_TEXT}{spelled}/"
        return
    free = f"{name}_free".upper()
    yield f"{name}: {name}_spelled | {free} {written}"
    yield f"{name}_spelled[lazy]: /{_ANY_TEXT}{spelled}/"
    yield f"{free}: /{_ANY_TEXT}/ & ~/{_ANY_TEXT}{spelled}{_ANY_TEXT}/"
