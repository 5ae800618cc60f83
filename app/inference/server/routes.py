"""Routes that generate replies: responses, complete or streamed, until finished or disconnected."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Iterable
from contextlib import aclosing
from functools import partial
from typing import TypeVar

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from app.core.errors import AppError, ErrorCode, ErrorDetails, NoticeCode
from app.inference.replies.reasoning import ReplyPart
from app.inference.replies.reply_reader import ReplyReader
from app.inference.server.completions.chat_request import ChatRequest
from app.inference.server.completions.response import CompletionResponse, Kind
from app.inference.server.completions.text_request import CompletionRequest
from app.inference.server.metrics import Metrics
from app.inference.server.preparation_threads import LONG_BYTES
from app.inference.server.prepared_request import (
    PreparedRequest,
    ReplyTask,
    ServedModel,
    read_request,
)
from app.inference.server.protocol.bodies import AsciiJsonResponse, failure_of, notice_body
from app.inference.server.protocol.generation_request import (
    CompletionRequestBase,
    GenerationRequest,
)
from app.inference.server.protocol.reply_state import ReplyState
from app.inference.server.responses.output import ResponsesOutput
from app.inference.server.responses.request import ResponseRequest
from app.inference.session.generation import Piece

_DISCONNECT_POLL_SECONDS = 0.1
_BYTES_OF_ESCAPE = 6
"""The maximum number of bytes of JSON for one byte of text, as in \\u001b."""
_PAUSE_SECONDS = 0.02
"""Pause between the parts of a body that is discarded; its sender has to wait as well."""
_NON_PROMPT_BYTES = 4 * 2**20
"""Bytes of a request that may not end up in the prompt: schemas, reasoning of earlier turns."""
Result = TypeVar("Result")


def reply_routes(model: ServedModel) -> list[Route]:
    """Return the routes for one model."""
    kinds: dict[str, type[GenerationRequest]] = {
        "/v1/chat/completions": ChatRequest,
        "/v1/responses": ResponseRequest,
        "/v1/completions": CompletionRequest,
    }

    def route(path: str, kind: type[GenerationRequest]) -> Route:
        async def answer(request: Request) -> Response:
            body = await _body(request, model)
            prepared = await model.preparation.run(
                partial(read_request, model, kind, body), is_long=len(body) > LONG_BYTES
            )
            return await _respond(request, model, prepared)

        return Route(path, answer, methods=["POST"])

    return [route(path, kind) for path, kind in kinds.items()]


async def _body(request: Request, model: ServedModel) -> bytes:
    """Read a request's body; one that can't fit in the context is drained slowly and discarded.

    Raises:
        AppError: `context_full`.
    """
    parts: list[bytes] = []
    size = min_tokens = 0
    async for part in request.stream():
        size += len(part)
        min_tokens = _min_tokens(model, size)
        if min_tokens >= model.context_tokens:
            parts.clear()
            await asyncio.sleep(_PAUSE_SECONDS)
        else:
            parts.append(part)
    if min_tokens >= model.context_tokens:
        raise AppError(ErrorCode.CONTEXT_FULL, tokens=min_tokens, context=model.context_tokens)
    return b"".join(parts)


def _min_tokens(model: ServedModel, size: int) -> int:
    """Return a lower bound on the tokens of a prompt in a body of `size` bytes; 0 if unknown.

    For a short body it is not worth scanning the vocabulary, which blocks the event loop.
    """
    if size <= _NON_PROMPT_BYTES or not (longest := model.vocabulary.longest_token_bytes):
        return 0
    return (size - _NON_PROMPT_BYTES) // (longest * _BYTES_OF_ESCAPE)


async def _respond(request: Request, model: ServedModel, prepared: PreparedRequest) -> Response:
    first, *further = [_Reply(model, task) for task in prepared.tasks]
    await first.begin()
    response = _new_response(model.name, prepared, first.state)
    if prepared.request.stream:
        # Await the first part here, so that an error still gets its own status code.
        part = await _while_connected(request, anext(first.parts, ReplyPart("content", "")))
        return StreamingResponse(
            _stream(first, further, part, response),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store"},
        )
    whole = await _while_connected(request, first.all_parts())
    if isinstance(response, CompletionResponse):
        for reply in further:
            response.add_choice(whole)
            await reply.begin(is_followup=True)
            response.next_choice(reply.state)
            whole = await _while_connected(request, reply.all_parts())
    return AsciiJsonResponse(response.full_response(whole))


class _Reply:
    """One of the replies to a request, which are generated consecutively in one slot."""

    parts: AsyncGenerator[ReplyPart, None]

    def __init__(self, model: ServedModel, task: ReplyTask) -> None:
        self._model = model
        self._task = task
        self.state = ReplyState(
            task.generation.statistics,
            max_calls=task.max_calls,
            repeats_prompt=task.repeats_prompt,
        )
        if task.fallback_reason:
            details: ErrorDetails = {"reason": task.fallback_reason}
            self.state.notice = notice_body(NoticeCode.TEMPLATE_FALLBACK, details)

    async def begin(self, *, is_followup: bool = False) -> None:
        """Prepare and queue the reply.

        Raises:
            AppError: the reason it can't be generated.
            BusyError: the queue is full.
        """
        model, generation = self._model, self._task.generation
        await model.preparation.run(
            partial(model.engine.prepare, generation), is_long=generation.is_heavy
        )
        pieces = model.engine.submit(generation, is_followup=is_followup)
        reader = self._task.make_reader() if self._task.make_reader else None
        self.parts = _parts(pieces, reader, self.state, model.metrics)

    async def all_parts(self) -> list[ReplyPart]:
        """Await and return all parts."""
        async with aclosing(self.parts) as parts:
            return [part async for part in parts]


def _new_response(
    model: str, prepared: PreparedRequest, state: ReplyState
) -> CompletionResponse | ResponsesOutput:
    request = prepared.request
    if isinstance(request, ResponseRequest):
        echo = request.echo(prepared.tasks[0].generation.sampling)
        return ResponsesOutput(model, state, echo, prepared.ignored)
    kind: Kind = "chat" if isinstance(request, ChatRequest) else "text"
    wants_usage = isinstance(request, CompletionRequestBase) and request.wants_usage
    reports_timings_per_part = isinstance(request, CompletionRequestBase) and bool(
        request.timings_per_token
    )
    return CompletionResponse(
        kind, model, state, wants_usage, prepared.ignored, reports_timings_per_part
    )


async def _parts(
    pieces: AsyncGenerator[Piece, None],
    reader: ReplyReader | None,
    state: ReplyState,
    metrics: Metrics,
) -> AsyncGenerator[ReplyPart, None]:
    """Yield the parts of a reply as they arrive; record everything else in `state`."""
    tokens = 0
    async with aclosing(pieces):
        async for piece in pieces:
            state.pending += piece.probabilities
            tokens += piece.tokens
            for part in reader.feed(piece.text) if reader else [ReplyPart("content", piece.text)]:
                if part.kind == "reasoning":
                    state.reasoning_tokens = tokens
                yield part
    for rest in reader.finish() if reader else ():
        if isinstance(rest, ReplyPart):
            yield rest
        else:
            state.add(rest)
    metrics.count(state.statistics)


async def _while_connected(request: Request, answer: Awaitable[Result]) -> Result:
    """Await `answer`, but cancel it if the client disconnects, which frees the engine."""
    task = asyncio.ensure_future(answer)
    try:
        while not task.done():
            await asyncio.wait({task}, timeout=_DISCONNECT_POLL_SECONDS)
            if not task.done() and await request.is_disconnected():
                raise ClientDisconnect
        return task.result()
    finally:
        task.cancel()
        # The iterator that it reads from can't be closed before it has ended.
        await asyncio.wait({task})


async def _stream(
    first: _Reply,
    further: Iterable[_Reply],
    part: ReplyPart,
    response: CompletionResponse | ResponsesOutput,
) -> AsyncIterator[bytes]:
    try:
        async with aclosing(_events(first, part, response)) as events:
            async for event in events:
                yield event
        if isinstance(response, CompletionResponse):
            async with aclosing(_further_events(further, response)) as events:
                async for event in events:
                    yield event
    except AppError as error:
        body, _ = failure_of(error)
        for event in response.error(body):
            yield event
        return
    for event in response.finish():
        yield event


async def _further_events(
    further: Iterable[_Reply], response: CompletionResponse
) -> AsyncGenerator[bytes, None]:
    for reply in further:
        for event in response.finish_choice():
            yield event
        await reply.begin(is_followup=True)
        response.next_choice(reply.state)
        part = await anext(reply.parts, ReplyPart("content", ""))
        async with aclosing(_events(reply, part, response)) as events:
            async for event in events:
                yield event


async def _events(
    reply: _Reply, first: ReplyPart, response: CompletionResponse | ResponsesOutput
) -> AsyncGenerator[bytes, None]:
    async with aclosing(reply.parts) as parts:
        for event in response.start(first):
            yield event
        async for part in parts:
            for event in response.delta(part):
                yield event
