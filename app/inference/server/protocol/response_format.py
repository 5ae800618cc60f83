"""Response formats of OpenAI's API: text, JSON, or JSON that satisfies a schema."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from app.core.errors import AppError, ErrorCode
from app.core.language import tr
from app.inference.schemas.json_schemas import AnySchema
from app.inference.schemas.lark import ANY_OBJECT


class JsonSchema(msgspec.Struct, frozen=True):
    """A schema, under the client's name for it."""

    schema: AnySchema = msgspec.field(default_factory=lambda: ANY_OBJECT)
    name: Annotated[str, Meta(max_length=256)] = ""


class ResponseFormat(msgspec.Struct, frozen=True):
    """A response format; `json_schema` belongs only to the type with that name."""

    type: Literal["text", "json_object", "json_schema"] = "text"
    json_schema: JsonSchema | None = None
    schema: dict[str, Any] | None = None

    def requested_schema(self) -> AnySchema | None:
        """Return the schema that a reply must satisfy; None for any text.

        Raises:
            AppError: `request_invalid`.
        """
        if self.type == "text":
            return None
        if self.type == "json_object":
            return self.schema or ANY_OBJECT
        if self.json_schema is None:
            reason = tr("“response_format” has no “json_schema”")
            raise AppError(ErrorCode.REQUEST_INVALID, reason=reason)
        return self.json_schema.schema
