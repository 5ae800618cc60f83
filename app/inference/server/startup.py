"""Start the server: load a model, compose its prompt and reply formats, and serve until stopped."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from app.core.device_memory import DeviceMemory
from app.core.errors import ErrorCode, NoticeCode
from app.core.events import Event, Failed, NoticeReported, Ready
from app.gguf_file.model import Model
from app.inference.loading.loaded_model import LoadRequest
from app.inference.prompts.chat_template import ChatTemplate
from app.inference.replies.reply_reader import ReplyFormat
from app.inference.sampling.constraints import Constraints
from app.inference.sampling.parameters import default_sampling, reported_defaults
from app.inference.server.heartbeat import Heartbeat
from app.inference.server.http_server import serve
from app.inference.server.listening import network_address, own_address
from app.inference.server.prepared_request import ServedModel
from app.inference.session.engine_thread import EngineThread
from app.inference.session.session import Session
from app.inference.tokens.vocabulary import Vocabulary
from app.native.library import log

_RPC_SOURCE = "ggml-rpc.cpp"
Report = Callable[[Event], None]


@dataclass(frozen=True)
class ServerOptions:
    """The socket, key and origins of a server.

    `estimated` is the memory on each device that was predicted for the planned load.
    """

    listener: socket.socket
    key: str
    origins: frozenset[str] = frozenset()
    estimated: Mapping[str, DeviceMemory] = field(default_factory=dict)


def watch_engine(report: Report) -> Heartbeat:
    """Report heartbeats from now on, and the reason if llama.cpp aborts."""
    log.on_abort = lambda reason: report(_aborted(reason))
    return Heartbeat(report)


def start_server(
    load_request: LoadRequest, options: ServerOptions, heartbeat: Heartbeat, report: Report
) -> None:
    """Load a model and answer requests until the process ends.

    Raises:
        AppError: what `app.inference.loading.loaded_model.load_model` raises.
    """
    engine = EngineThread(load_request, report)
    heartbeat.follow(engine)
    session = engine.load()
    served = _served_model(load_request.model, engine, session, options.key, report)
    ready = _ready(load_request, session, served, options)
    serve(served, options.listener, options.origins, lambda: report(ready))


def _served_model(
    model: Model, engine: EngineThread, session: Session, key: str, report: Report
) -> ServedModel:
    vocabulary = session.vocabulary
    template = _chat_template(model, vocabulary, report)
    replies = ReplyFormat(template.source, vocabulary.control_texts())
    vocabulary.show(replies.shown_tokens())
    return ServedModel(
        engine=engine,
        vocabulary=vocabulary,
        template=template,
        format=replies,
        constraints=Constraints(vocabulary),
        sampling=default_sampling(model.headers[0].metadata),
        name=model.info.name.encode("utf-8", "replace").decode(),
        context_tokens=session.context_tokens,
        created=int(time.time()),
        key=key,
    )


def _chat_template(model: Model, vocabulary: Vocabulary, report: Report) -> ChatTemplate:
    template = ChatTemplate(
        model.info.chat_template,
        vocabulary.bos_text(),
        vocabulary.eos_text(),
        tuple(vocabulary.control_texts()),
        lambda reason: report(NoticeReported(NoticeCode.TEMPLATE_FALLBACK, {"reason": reason})),
    )
    if template.warnings:
        reasons = "; ".join(template.warnings)
        report(NoticeReported(NoticeCode.TEMPLATE_SUSPICIOUS, {"reasons": reasons}))
    return template


def _ready(
    load_request: LoadRequest, session: Session, served: ServedModel, options: ServerOptions
) -> Ready:
    loaded, place = session.loaded, network_address(options.listener)
    was_planned = loaded.step == load_request.planned
    return Ready(
        url=f"http://{own_address(options.listener)}",
        key=options.key,
        model=served.name,
        level=load_request.model.info.level,
        context=session.context_tokens,
        gpu_layers=loaded.gpu_layers,
        threads=loaded.threads,
        network_url=f"http://{place}" if place else "",
        experts_on_cpu=loaded.step.experts_on_cpu,
        memory=loaded.memory,
        estimated=dict(options.estimated) if was_planned else {},
        sampling=reported_defaults(load_request.model.headers[0].metadata),
    )


def _aborted(reason: str) -> Failed:
    code = ErrorCode.WORKER_LOST if reason.startswith(_RPC_SOURCE) else ErrorCode.ENGINE_STOPPED
    return Failed(code, {"reason": reason})
