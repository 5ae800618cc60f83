"""What form a reply must have, as OpenAI's clients ask for it: text, JSON, or JSON of a schema."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from app.core.errors import AppError, ErrorCode
from app.inference.schemas.json_schemas import AnySchema
from app.inference.schemas.lark import ANY_OBJECT


class JsonSchema(msgspec.Struct, frozen=True):
    """A schema, under the name that the client has for it."""

    schema: AnySchema = msgspec.field(default_factory=lambda: ANY_OBJECT)
    name: Annotated[str, Meta(max_length=256)] = ""


class ResponseFormat(msgspec.Struct, frozen=True):
    """The form; `json_schema` goes with the type of that name alone."""

    type: Literal["text", "json_object", "json_schema"] = "text"
    json_schema: JsonSchema | None = None
    schema: dict[str, Any] | None = None

    def wanted_schema(self) -> AnySchema | None:
        """The schema that a reply must follow; None for any text.

        Raises:
            AppError: `request_invalid`.
        """
        if self.type == "text":
            return None
        if self.type == "json_object":
            return self.schema or ANY_OBJECT
        if self.json_schema is None:
            reason = "“response_format” has no “json_schema”"
            raise AppError(ErrorCode.REQUEST_INVALID, reason=reason)
        return self.json_schema.schema
