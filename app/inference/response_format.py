"""What form a reply must have, as OpenAI's clients ask for it: text, JSON, or JSON of a schema."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from app.core.errors import AppError, ErrorCode
from app.inference.grammar import ANY_OBJECT, grammar_of_schema


class JsonSchema(msgspec.Struct, frozen=True):
    """A schema, under the name that the client has for it."""

    schema: dict[str, Any] = msgspec.field(default_factory=lambda: dict(ANY_OBJECT))
    name: Annotated[str, Meta(max_length=256)] = ""


class ResponseFormat(msgspec.Struct, frozen=True):
    """The form; `json_schema` goes with the type of that name alone."""

    type: Literal["text", "json_object", "json_schema"] = "text"
    json_schema: JsonSchema | None = None
    schema: dict[str, Any] | None = None

    def grammar(self) -> str:
        """The grammar that a reply must follow; empty for any text.

        Raises:
            AppError: `request_invalid`.
        """
        if self.type == "text":
            return ""
        if self.type == "json_object":
            return grammar_of_schema(self.schema or ANY_OBJECT)
        if self.json_schema is None:
            reason = "“response_format” has no “json_schema”"
            raise AppError(ErrorCode.REQUEST_INVALID, reason=reason)
        return grammar_of_schema(self.json_schema.schema)
