"""The HTTP server: routes, access control and error responses."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from app.core.errors import AppError, ErrorCode
from app.core.language import tr
from app.inference.server.access import AccessControl
from app.inference.server.embeddings import text_routes
from app.inference.server.listening import served_hosts
from app.inference.server.prepared_request import ServedModel
from app.inference.server.protocol.bodies import AsciiJsonResponse, error_response, failure_of
from app.inference.server.routes import reply_routes
from app.inference.session.engine_thread import BusyError

_READ_TIMEOUT_SECONDS = 10


def serve(
    model: ServedModel,
    listener: socket.socket,
    origins: frozenset[str],
    on_ready: Callable[[], None],
) -> None:
    """Answer requests until the process ends; call `on_ready` once the server accepts requests.

    Web pages may send requests only if their origin exactly matches one of `origins`.
    """

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        on_ready()
        yield

    async def busy(_request: Request, _error: Exception) -> Response:
        model.metrics.count_refusal()
        return error_response(HTTPStatus.TOO_MANY_REQUESTS, tr("too many requests are waiting"))

    application = Starlette(
        routes=_routes(model),
        middleware=[
            Middleware(AccessControl, key=model.key, hosts=served_hosts(listener), origins=origins)
        ],
        exception_handlers={
            HTTPException: _http_error,
            AppError: _app_error,
            BusyError: busy,
            ClientDisconnect: _disconnected,
            Exception: _internal_error,
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
        return AsciiJsonResponse({"status": "ok"})

    entry = {
        "id": model.name,
        "object": "model",
        "created": model.created,
        "owned_by": "gristmill",
        "context_length": model.context_tokens,
    }

    async def models(_: Request) -> Response:
        return AsciiJsonResponse({"object": "list", "data": [entry]})

    async def one_model(request: Request) -> Response:
        name = request.path_params["name"]
        if name != model.name:
            return error_response(
                HTTPStatus.NOT_FOUND, tr("The model “{name}” does not exist.", name=name)
            )
        return AsciiJsonResponse(entry)

    async def metrics(_: Request) -> Response:
        text = model.metrics.text(model.engine.active_replies, model.engine.waiting)
        return PlainTextResponse(text)

    return [
        Route("/health", health),
        Route("/metrics", metrics),
        Route("/v1/models", models),
        Route("/v1/models/{name:path}", one_model),
        *reply_routes(model),
        *text_routes(model),
    ]


async def _app_error(_: Request, error: Exception) -> Response:
    if not isinstance(error, AppError):
        raise error
    return AsciiJsonResponse(*failure_of(error))


async def _http_error(_: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    return error_response(HTTPStatus(error.status_code), error.detail)


async def _internal_error(_: Request, error: Exception) -> Response:
    fault = AppError(ErrorCode.INTERNAL, detail=f"{type(error).__name__}: {error}")
    return AsciiJsonResponse(*failure_of(fault))


async def _disconnected(_request: Request, _error: Exception) -> Response:
    return Response(status_code=HTTPStatus.NO_CONTENT)
