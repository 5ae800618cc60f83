"""The routes that write replies, and what becomes of a request: streaming, and its end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable
from contextlib import aclosing
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TypeVar

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from app.core.errors import AppError, ErrorCode, Facts, NoticeCode
from app.inference.answers import (
    Answer,
    JsonAnswer,
    Kind,
    Written,
    error_response,
    failure_of,
    notice_body,
)
from app.inference.constraints import Constraint, Constraints
from app.inference.generation import Generation, Piece
from app.inference.lark import json_grammar
from app.inference.metrics import Metrics
from app.inference.prompt import ChatTemplate, Prompt
from app.inference.reasoning import Part
from app.inference.reply import ReplyFormat, ReplyReader
from app.inference.requests import (
    AnyCompletionRequest,
    ChatRequest,
    CompletionRequest,
    GenerationRequest,
    decode_request,
)
from app.inference.response_answers import ResponseAnswer
from app.inference.response_request import ResponseRequest
from app.inference.sampling import Sampling
from app.inference.worker import BusyError, EngineThread

_DISCONNECT_POLL_SECONDS = 0.1
_MOST_GRAMMARS = 16
Result = TypeVar("Result")


@dataclass(frozen=True)
class ServedModel:
    """What the server offers: the engine, how it is addressed, and what it is called."""

    engine: EngineThread
    template: ChatTemplate
    format: ReplyFormat
    constraints: Constraints
    sampling: Sampling
    name: str
    context_tokens: int
    created: int
    key: str
    metrics: Metrics = field(default_factory=Metrics)


def reply_routes(model: ServedModel) -> list[Route]:
    """The routes, for one model."""

    async def chat(request: Request) -> Response:
        asked = decode_request(await request.body(), ChatRequest)
        return await _converse(request, model, asked)

    async def respond(request: Request) -> Response:
        asked = decode_request(await request.body(), ResponseRequest)
        return await _converse(request, model, asked)

    async def complete(request: Request) -> Response:
        asked = decode_request(await request.body(), CompletionRequest)
        schema = asked.wanted_schema()
        # On a thread, because schemas may take their time.
        grammar = "" if schema is None else await asyncio.to_thread(json_grammar, schema)
        task = _Task(Prompt(asked.prompt), asked.sampling(model.sampling), grammar)
        return await _answer(request, model, asked, task)

    return [
        Route("/v1/chat/completions", chat, methods=["POST"]),
        Route("/v1/responses", respond, methods=["POST"]),
        Route("/v1/completions", complete, methods=["POST"]),
    ]


@dataclass(frozen=True)
class _Task:
    """What is to be written, by which grammar, and how it is read; without a reader as it is."""

    prompt: Prompt
    sampling: Sampling
    grammar: str = ""
    reader: ReplyReader | None = None
    most_calls: int | None = None


async def _converse(
    request: Request, model: ServedModel, asked: ChatRequest | ResponseRequest
) -> Response:
    # On a thread, because templates and grammars may take their time.
    task = await asyncio.to_thread(_task_of, model, asked)
    return await _answer(request, model, asked, task)


def _task_of(model: ServedModel, asked: ChatRequest | ResponseRequest) -> _Task:
    conversation, choice = asked.conversation(), asked.choice()
    prompt, tools = model.template.render(conversation), conversation.tools
    grammar, schema = "", asked.wanted_schema()
    if choice.must_call:
        if asked.grammar:
            reason = "a call can't be required and follow a “grammar”, too"
            raise AppError(ErrorCode.REQUEST_INVALID, reason=reason)
        grammar = model.format.call_grammar(prompt.text, tools, choice.most_calls)
    elif schema is not None:
        grammar = model.format.json_grammar(prompt.text, schema)
    sampling = asked.sampling(model.sampling)
    reader = model.format.reader(prompt.text, tools, asked.reasoning_format or "deepseek")
    return _Task(prompt, sampling, grammar, reader, choice.most_calls)


async def _answer(
    request: Request, model: ServedModel, asked: GenerationRequest, task: _Task
) -> Response:
    prompt = task.prompt
    try:
        generation = Generation(
            prompt=lambda session: session.vocabulary.tokenize_prompt(
                prompt.text, prompt.untrusted
            ),
            sampling=task.sampling,
            constraint=await _constraint_of(model, task.grammar),
            most_tokens=asked.token_limit(),
            stops=(*asked.stops(), *prompt.stops),
            overflow=asked.overflow(),
            probabilities=asked.probabilities(),
        )
        pieces = model.engine.submit(generation)
    except BusyError:
        model.metrics.count_refusal()
        return error_response(HTTPStatus.TOO_MANY_REQUESTS, "too many requests are waiting")
    written = Written(generation.statistics, most_calls=task.most_calls)
    if prompt.fallback_reason:
        facts: Facts = {"reason": prompt.fallback_reason}
        written.notice = notice_body(NoticeCode.TEMPLATE_FALLBACK, facts)
    answer = _new_answer(model.name, asked, written, task.sampling)
    parts = _parts(pieces, task.reader, written, model.metrics)
    if not asked.stream:
        async with aclosing(parts):
            whole = await _while_connected(request, _all(parts))
        return JsonAnswer(answer.whole(whole))
    # The first part is awaited here, so that a refusal still has a status of its own.
    first = await _while_connected(request, anext(parts, Part("content", "")))
    return StreamingResponse(
        _stream(parts, first, answer),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store"},
    )


async def _constraint_of(model: ServedModel, grammar: str) -> Constraint | None:
    if not grammar:
        return None
    if model.constraints.waiting >= _MOST_GRAMMARS:
        raise BusyError
    return await model.constraints.made(grammar)


def _new_answer(
    model: str, asked: GenerationRequest, written: Written, sampling: Sampling
) -> Answer | ResponseAnswer:
    if isinstance(asked, ResponseRequest):
        return ResponseAnswer(model, written, asked.echo(sampling))
    kind: Kind = "chat" if isinstance(asked, ChatRequest) else "text"
    wants_usage = isinstance(asked, AnyCompletionRequest) and asked.wants_usage
    return Answer(kind, model, written, wants_usage)


async def _parts(
    pieces: AsyncGenerator[Piece, None],
    reader: ReplyReader | None,
    written: Written,
    metrics: Metrics,
) -> AsyncGenerator[Part, None]:
    """The parts of a reply as they come; what else it has is noted in `written`."""
    tokens = 0
    async with aclosing(pieces):
        async for piece in pieces:
            written.untold += piece.probabilities
            tokens += piece.tokens
            for part in reader.feed(piece.text) if reader else [Part("content", piece.text)]:
                if part.kind == "reasoning":
                    written.reasoning_tokens = tokens
                yield part
    for rest in reader.finish() if reader else ():
        if isinstance(rest, Part):
            yield rest
        else:
            written.add(rest)
    metrics.count(written.statistics)


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
    parts: AsyncGenerator[Part, None], first: Part, answer: Answer | ResponseAnswer
) -> AsyncIterator[bytes]:
    async with aclosing(parts):
        for event in answer.begun(first):
            yield event
        try:
            async for part in parts:
                for event in answer.more(part):
                    yield event
        except AppError as error:
            body, _ = failure_of(error)
            for event in answer.broken(body):
                yield event
            return
    for event in answer.ended():
        yield event
