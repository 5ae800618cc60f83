"""The routes that look at texts without writing any: embeddings and tokens."""

from __future__ import annotations

import base64
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.core.errors import AppError, ErrorCode
from app.inference.answers import JsonAnswer, error_response
from app.inference.evaluation import Floats
from app.inference.request_messages import Text
from app.inference.requests import decode_request
from app.inference.session import Session
from app.inference.worker import BusyError, EngineThread

_MOST_TEXTS = 2048
_MOST_TOKENS = 2**20
Tokens = Annotated[list[Annotated[int, Meta(ge=0)]], Meta(min_length=1, max_length=_MOST_TOKENS)]


class EmbeddingRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The body of `/v1/embeddings`: texts, or texts as tokens."""

    input: Text | Annotated[list[Text | int | Tokens], Meta(min_length=1, max_length=_MOST_TOKENS)]
    model: Annotated[str, Meta(max_length=1024)] = ""
    encoding_format: Literal["float", "base64"] = "float"

    def texts(self) -> list[str | list[int]]:
        """One entry for each embedding.

        Raises:
            AppError: `request_invalid` for a mixture of tokens and texts, or too many of them.
        """
        if isinstance(self.input, str):
            return [self.input]
        tokens = [entry for entry in self.input if isinstance(entry, int)]
        if tokens and len(tokens) == len(self.input):
            return [tokens]
        texts = [entry for entry in self.input if not isinstance(entry, int)]
        if tokens or len(texts) > _MOST_TEXTS:
            reason = f"“input” must be up to {_MOST_TEXTS} texts, or tokens"
            raise AppError(ErrorCode.REQUEST_INVALID, reason=reason)
        return texts


class TokenizeRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The body of `/tokenize`, as llama-server has it."""

    content: Text
    add_special: bool = False
    parse_special: bool = True


class DetokenizeRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The body of `/detokenize`, as llama-server has it."""

    tokens: Tokens


def text_routes(engine: EngineThread, model_name: str) -> list[Route]:
    """The routes, for one model."""

    async def embeddings(request: Request) -> Response:
        asked = decode_request(await request.body(), EmbeddingRequest)
        found, count = [], 0
        for text in asked.texts():
            embedding, tokens = await engine.call(partial(_embed, text))
            found.append(embedding)
            count += tokens
        entries = [
            {"object": "embedding", "index": index, "embedding": _encoded(one, asked)}
            for index, one in enumerate(found)
        ]
        usage = {"prompt_tokens": count, "total_tokens": count}
        body = {"object": "list", "data": entries, "model": model_name, "usage": usage}
        return JsonAnswer(body)

    async def tokenize(request: Request) -> Response:
        asked = decode_request(await request.body(), TokenizeRequest)
        return JsonAnswer({"tokens": await engine.call(partial(_tokens, asked))})

    async def detokenize(request: Request) -> Response:
        asked = decode_request(await request.body(), DetokenizeRequest)
        text = await engine.call(partial(_text, asked))
        return JsonAnswer({"content": text})

    handlers = {"/v1/embeddings": embeddings, "/tokenize": tokenize, "/detokenize": detokenize}
    return [
        Route(path, _unless_busy(handler), methods=["POST"]) for path, handler in handlers.items()
    ]


def _unless_busy(handler: Any) -> Any:
    async def answer(request: Request) -> Response:
        try:
            response: Response = await handler(request)
        except BusyError:
            return error_response(HTTPStatus.TOO_MANY_REQUESTS, "too many requests are waiting")
        return response

    return answer


def _embed(text: str | list[int], session: Session) -> tuple[Floats, int]:
    tokens = session.vocabulary.tokenize_text(text) if isinstance(text, str) else text
    _require_known(session, tokens)
    return session.embed(tokens), len(tokens)


def _tokens(asked: TokenizeRequest, session: Session) -> list[int]:
    return session.vocabulary.tokenize(
        asked.content,
        with_control_tokens=asked.parse_special,
        with_begin_and_end=asked.add_special,
    )


def _text(asked: DetokenizeRequest, session: Session) -> str:
    _require_known(session, asked.tokens)
    return session.vocabulary.detokenize(asked.tokens).decode("utf-8", "replace")


def _require_known(session: Session, tokens: list[int]) -> None:
    if any(not 0 <= token < session.vocabulary.size for token in tokens):
        reason = "the model has no such token"
        raise AppError(ErrorCode.REQUEST_INVALID, reason=reason)


def _encoded(embedding: Floats, asked: EmbeddingRequest) -> list[float] | str:
    if asked.encoding_format == "base64":
        return base64.b64encode(embedding.astype("<f4").tobytes()).decode()
    numbers: list[float] = embedding.tolist()
    return numbers
