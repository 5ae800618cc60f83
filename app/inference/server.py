"""The OpenAI-compatible server: routes, streaming, and the end of a request."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TypeVar

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from app.core.errors import AppError, ErrorCode, Facts, NoticeCode
from app.core.sentences import describe_error
from app.inference.answers import (
    END_OF_STREAM,
    Answer,
    JsonAnswer,
    error_body,
    error_response,
    notice_body,
    server_sent_event,
)
from app.inference.embeddings import text_routes
from app.inference.generation import Generation, Piece
from app.inference.guard import Guard
from app.inference.listening import served_hosts
from app.inference.metrics import Metrics
from app.inference.prompt import ChatTemplate, Prompt
from app.inference.reasoning import Part
from app.inference.reply import ReplyFormat, ReplyReader
from app.inference.requests import (
    ChatRequest,
    CompletionRequest,
    GenerationRequest,
    decode_request,
)
from app.inference.sampling import Sampling
from app.inference.worker import BusyError, EngineThread

_READ_TIMEOUT_SECONDS = 10
_DISCONNECT_POLL_SECONDS = 0.1
Result = TypeVar("Result")
_CLIENT_FAULTS = frozenset({ErrorCode.REQUEST_INVALID, ErrorCode.CONTEXT_FULL})


@dataclass(frozen=True)
class ServedModel:
    """What the server offers: the engine, how it is addressed, and what it is called."""

    engine: EngineThread
    template: ChatTemplate
    format: ReplyFormat
    sampling: Sampling
    name: str
    context_tokens: int
    created: int
    key: str
    metrics: Metrics = field(default_factory=Metrics)


def serve(
    model: ServedModel,
    listener: socket.socket,
    origins: frozenset[str],
    on_ready: Callable[[], None],
) -> None:
    """Answer requests until the process ends; `on_ready` is called when the first can come.

    Web pages may ask only if they come from one of the `origins`, to the letter.
    """

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        on_ready()
        yield

    application = Starlette(
        routes=_routes(model),
        middleware=[
            Middleware(Guard, key=model.key, hosts=served_hosts(listener), origins=origins)
        ],
        exception_handlers={
            HTTPException: _answer_refusal,
            AppError: _answer_error,
            ClientDisconnect: _answer_nobody,
            Exception: _answer_fault,
        },
        lifespan=lifespan,
    )
    configuration = uvicorn.Config(
        application,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=_READ_TIMEOUT_SECONDS,
    )
    uvicorn.Server(configuration).run([listener])


def _routes(model: ServedModel) -> list[Route]:
    async def health(_: Request) -> Response:
        return JsonAnswer({"status": "ok"})

    async def models(_: Request) -> Response:
        entry = {
            "id": model.name,
            "object": "model",
            "created": model.created,
            "owned_by": "gristmill",
            "context_length": model.context_tokens,
        }
        return JsonAnswer({"object": "list", "data": [entry]})

    async def chat(request: Request) -> Response:
        asked = decode_request(await request.body(), ChatRequest)
        conversation = asked.conversation()
        # On a thread, because a template may take its time.
        prompt = await asyncio.to_thread(model.template.render, conversation)
        reader = model.format.reader(
            prompt.text, conversation.tools, asked.reasoning_format or "deepseek"
        )
        return await _answer(request, model, asked, prompt, reader)

    async def complete(request: Request) -> Response:
        asked = decode_request(await request.body(), CompletionRequest)
        return await _answer(request, model, asked, Prompt(asked.prompt), None)

    async def metrics(_: Request) -> Response:
        text = model.metrics.text(model.engine.writing, model.engine.waiting)
        return PlainTextResponse(text)

    return [
        Route("/health", health),
        Route("/metrics", metrics),
        Route("/v1/models", models),
        Route("/v1/chat/completions", chat, methods=["POST"]),
        Route("/v1/completions", complete, methods=["POST"]),
        *text_routes(model.engine, model.name),
    ]


async def _answer(
    request: Request,
    model: ServedModel,
    asked: GenerationRequest,
    prompt: Prompt,
    reader: ReplyReader | None,
) -> Response:
    generation = Generation(
        prompt=lambda session: session.vocabulary.tokenize_prompt(prompt.text, prompt.untrusted),
        sampling=asked.sampling(model.sampling),
        most_tokens=asked.token_limit(),
        stops=(*asked.stops(), *prompt.stops),
        overflow=asked.context_overflow,
        probabilities=asked.probabilities(),
    )
    try:
        pieces = model.engine.submit(generation)
    except BusyError:
        model.metrics.count_refusal()
        return error_response(HTTPStatus.TOO_MANY_REQUESTS, "too many requests are waiting")
    answer = Answer("chat" if reader else "text", model.name, generation.statistics)
    if isinstance(asked, ChatRequest) and asked.parallel_tool_calls is False:
        answer.most_calls = 1
    if prompt.fallback_reason:
        facts: Facts = {"reason": prompt.fallback_reason}
        answer.notice = notice_body(NoticeCode.TEMPLATE_FALLBACK, facts)
    parts = _parts(pieces, reader, answer, model.metrics)
    if not asked.stream:
        async with aclosing(parts):
            whole = await _while_connected(request, _all(parts))
        return JsonAnswer(answer.whole(whole))
    # The first part is awaited here, so that a refusal still has a status of its own.
    first = await _while_connected(request, anext(parts, Part("content", "")))
    return StreamingResponse(
        _stream(parts, first, answer, wants_usage=asked.wants_usage),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store"},
    )


async def _parts(
    pieces: AsyncGenerator[Piece, None],
    reader: ReplyReader | None,
    answer: Answer,
    metrics: Metrics,
) -> AsyncGenerator[Part, None]:
    """The parts of a reply as they come; its calls are left with the answer."""
    async with aclosing(pieces):
        async for piece in pieces:
            answer.untold += piece.probabilities
            for part in reader.feed(piece.text) if reader else [Part("content", piece.text)]:
                yield part
    for rest in reader.finish() if reader else ():
        if isinstance(rest, Part):
            yield rest
        else:
            answer.add(rest)
    metrics.count(answer.statistics)


async def _all(parts: AsyncGenerator[Part, None]) -> list[Part]:
    return [part async for part in parts]


async def _while_connected(request: Request, answer: Awaitable[Result]) -> Result:
    """Await `answer`, but give up when the client goes away: that frees the engine."""
    task = asyncio.ensure_future(answer)
    try:
        while not task.done():
            await asyncio.wait({task}, timeout=_DISCONNECT_POLL_SECONDS)
            if not task.done() and await request.is_disconnected():
                raise ClientDisconnect
        return task.result()
    finally:
        task.cancel()
        # Until it has ended, what it reads from can't be closed.
        await asyncio.wait({task})


async def _stream(
    parts: AsyncGenerator[Part, None], first: Part, answer: Answer, *, wants_usage: bool
) -> AsyncIterator[bytes]:
    async with aclosing(parts):
        yield server_sent_event(answer.chunk(first, is_first=True))
        try:
            async for part in parts:
                yield server_sent_event(answer.chunk(part))
        except AppError as error:
            yield server_sent_event(_error_body(error))
            return
    if answer.calls:
        yield server_sent_event(answer.called())
    yield server_sent_event(answer.last())
    if wants_usage:
        yield server_sent_event(answer.usage())
    yield END_OF_STREAM


def _status_of(error: AppError) -> HTTPStatus:
    is_client_fault = error.code in _CLIENT_FAULTS
    return HTTPStatus.BAD_REQUEST if is_client_fault else HTTPStatus.INTERNAL_SERVER_ERROR


def _error_body(error: AppError) -> dict[str, object]:
    return error_body(_status_of(error), describe_error(error.code, error.facts), error)


async def _answer_error(_: Request, error: Exception) -> Response:
    if not isinstance(error, AppError):
        raise error
    return JsonAnswer(_error_body(error), _status_of(error))


async def _answer_refusal(_: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    return error_response(HTTPStatus(error.status_code), error.detail)


async def _answer_fault(_: Request, error: Exception) -> Response:
    fault = AppError(ErrorCode.INTERNAL, detail=f"{type(error).__name__}: {error}")
    return JsonAnswer(_error_body(fault), _status_of(fault))


async def _answer_nobody(_request: Request, _error: Exception) -> Response:
    return Response(status_code=HTTPStatus.NO_CONTENT)
