"""Write llguidance's grammars (its docs/syntax.md): a dialect of Lark with JSON schemas and tokens.

Text in it never matches control tokens, so those are written as numbers, and free text or JSON
contains none of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

from app.inference.schemas.json_schemas import AnySchema, enforceable

ANY_OBJECT: AnySchema = {"type": "object"}
_ANY_TEXT = "(?s:.*)"
# As most models write JSON on one line. Flexible white space could be endless.
_OPTIONS = {
    "item_separator": ", ",
    "key_separator": ": ",
    "whitespace_flexible": False,
    "coerce_one_of": False,
    "lenient": False,
}


def literal(text: str, controls: Mapping[str, int]) -> str:
    """Return the grammar of text, with control tokens (`controls`) in place of their texts."""
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
    """Return the grammar of text without control tokens."""
    return json.dumps(text, ensure_ascii=False) if text else ""


def json_value(schema: AnySchema) -> str:
    """Return the grammar of JSON that satisfies a schema.

    Raises:
        AppError: `request_invalid`.
    """
    return "%json " + json.dumps(enforceable(schema) | {"x-guidance": _OPTIONS})


def json_grammar(schema: AnySchema) -> str:
    """Return the grammar of replies that are JSON satisfying a schema.

    Raises:
        AppError: `request_invalid`.
    """
    return f"start: {json_value(schema)}"


def rules_up_to(mark: str, name: str, controls: Mapping[str, int]) -> Iterator[str]:
    """Yield rules for any text up to and including the first `mark`; the first rule is `name`.

    A mark that is a control token may also be spelled out as text.
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
