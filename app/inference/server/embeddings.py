"""Routes for embeddings and tokenization."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated, Any, Literal, TypeVar

import msgspec
import numpy as np
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.core.errors import AppError, ErrorCode
from app.core.language import tr
from app.inference.server.completions.text_request import texts_or_tokens
from app.inference.server.preparation_threads import LONG_BYTES
from app.inference.server.prepared_request import ServedModel
from app.inference.server.protocol.bodies import AsciiJsonResponse
from app.inference.server.protocol.generation_request import Tokens, decode_with_unknown
from app.inference.server.protocol.messages import Text
from app.inference.session.session import Session
from app.inference.tokens.decoding import Floats

_MAX_TEXTS = 2048
_MAX_TOKENS = 2**20
_LARGEST_WIDTH = 2**20
RequestBody = TypeVar("RequestBody", bound=msgspec.Struct)
Prepared = TypeVar("Prepared")
Found = tuple[Prepared, dict[str, Any]]
"""The prepared input, and the entries of the response that name ignored fields."""


class EmbeddingRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The body of `/v1/embeddings`: inputs as text or as tokens."""

    input: Text | Annotated[list[Text | int | Tokens], Meta(min_length=1, max_length=_MAX_TOKENS)]
    model: Annotated[str, Meta(max_length=1024)] | None = None
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: Annotated[int, Meta(ge=1, le=_LARGEST_WIDTH)] | None = None


class TokenizeRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The body of `/tokenize`, as in llama-server."""

    content: Text
    add_special: bool = False
    parse_special: bool = True


class DetokenizeRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The body of `/detokenize`, as in llama-server."""

    tokens: Tokens


def text_routes(model: ServedModel) -> list[Route]:
    """Return the routes for one model."""

    def route(
        path: str,
        prepare: Callable[[ServedModel, bytes], Found[Prepared]],
        answer: Callable[[Prepared], Awaitable[dict[str, Any]]],
    ) -> Route:
        async def respond(request: Request) -> Response:
            body = await request.body()
            prepared, ignored = await model.preparation.run(
                partial(prepare, model, body), is_long=len(body) > LONG_BYTES
            )
            return AsciiJsonResponse(await answer(prepared) | ignored)

        return Route(path, respond, methods=["POST"])

    async def embed(prepared: tuple[EmbeddingRequest, list[list[int]]]) -> dict[str, Any]:
        request, texts = prepared
        found = [await model.engine.call(partial(_embed, tokens)) for tokens in texts]
        entries = [
            {"object": "embedding", "index": index, "embedding": _encoded(one, request)}
            for index, one in enumerate(found)
        ]
        count = sum(map(len, texts))
        usage = {"prompt_tokens": count, "total_tokens": count}
        return {"object": "list", "data": entries, "model": model.name, "usage": usage}

    async def tokens_body(tokens: list[int]) -> dict[str, Any]:
        return {"tokens": tokens}

    async def text_body(text: str) -> dict[str, Any]:
        return {"content": text}

    return [
        route("/v1/embeddings", _texts_to_embed, embed),
        route("/tokenize", _tokens, tokens_body),
        route("/detokenize", _text, text_body),
    ]


def _read(body: bytes, kind: type[RequestBody]) -> Found[RequestBody]:
    request, ignored = decode_with_unknown(body, kind)
    return request, {"ignored_fields": ignored} if ignored else {}


def _texts_to_embed(
    model: ServedModel, body: bytes
) -> Found[tuple[EmbeddingRequest, list[list[int]]]]:
    request, ignored = _read(body, EmbeddingRequest)
    texts = [
        _tokens_to_embed(model, text)
        for text in texts_or_tokens("input", request.input, _MAX_TEXTS)
    ]
    return (request, texts), ignored


def _tokens_to_embed(model: ServedModel, text: str | list[int]) -> list[int]:
    if isinstance(text, list):
        model.vocabulary.require_known(text)
        return text
    tokens, context = model.vocabulary.min_tokens(text), model.context_tokens
    if tokens > context:
        raise AppError(ErrorCode.CONTEXT_FULL, tokens=tokens, context=context)
    return model.vocabulary.tokenize_text(text)


def _embed(tokens: list[int], session: Session) -> Floats:
    return session.embed(tokens)


def _tokens(model: ServedModel, body: bytes) -> Found[list[int]]:
    request, ignored = _read(body, TokenizeRequest)
    tokens = model.vocabulary.tokenize(
        request.content,
        with_control_tokens=request.parse_special,
        with_begin_and_end=request.add_special,
    )
    return tokens, ignored


def _text(model: ServedModel, body: bytes) -> Found[str]:
    request, ignored = _read(body, DetokenizeRequest)
    model.vocabulary.require_known(request.tokens)
    return model.vocabulary.detokenize(request.tokens).decode("utf-8", "replace"), ignored


def _encoded(embedding: Floats, request: EmbeddingRequest) -> list[float] | str:
    """Return the embedding in the requested format; if shortened, it is normalized again."""
    if request.dimensions is not None:
        if request.dimensions > len(embedding):
            reason = tr(
                "`$.dimensions` must be at most {limit}, as many as the model's embeddings have",
                limit=len(embedding),
            )
            raise AppError(ErrorCode.REQUEST_INVALID, reason=reason)
        embedding = embedding[: request.dimensions]
        embedding = embedding / (float(np.linalg.norm(embedding)) or 1.0)
    if request.encoding_format == "base64":
        return base64.b64encode(embedding.astype("<f4").tobytes()).decode()
    numbers: list[float] = embedding.tolist()
    return numbers
