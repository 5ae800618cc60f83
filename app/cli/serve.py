"""`gristmill serve`: an OpenAI-compatible server for one model, with a key."""

from __future__ import annotations

import argparse
import secrets
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from app.cli.load_arguments import add_load_arguments, chosen_options
from app.cli.network import add_host_arguments, require_confirmed
from app.cli.values import add_worker_argument, port_number, positive, web_origin
from app.core.errors import AppError, ErrorCode, NoticeCode
from app.core.events import Event, Failed, Noticed, Ready
from app.core.secrets import store_secret, stored_secret
from app.core.settings import Settings, load_settings
from app.jobs.reporter import Reporter

if TYPE_CHECKING:
    from app.gguf_file.model_info import ModelInfo
    from app.inference.loading.loaded_model import LoadRequest

NAME = "serve"
_KEY_BYTES = 32
_KEY_ENTRY = "serve"
_RISK = "what is said goes unencrypted through that network; the key alone keeps others out"
_RPC_SOURCE = "ggml-rpc.cpp"
HELP = "Offer a model to other programs through an OpenAI-compatible server."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("model", help="a .gguf file, or a name that “gristmill models” lists")
    parser.add_argument("--port", type=port_number, default=0, help="default: a free one")
    add_host_arguments(parser)
    parser.add_argument(
        "--keep-key",
        action="store_true",
        help="the same key at every start, kept in the system's keyring",
    )
    parser.add_argument(
        "--slots", type=positive, metavar="N", help="replies at once; default: as in the settings"
    )
    add_worker_argument(parser)
    parser.add_argument(
        "--allow-origin",
        action="append",
        type=web_origin,
        default=[],
        metavar="ORIGIN",
        help="web pages of this origin may ask, such as http://localhost:3000; may repeat",
    )
    add_load_arguments(parser)


def run(arguments: argparse.Namespace, reporter: Reporter) -> None:
    """Load the model and answer until stopped."""
    from app.cli.planned_load import with_advice, with_plan
    from app.gguf_file.model_info import model_info_of, read_headers
    from app.gguf_file.validation import require_sane
    from app.inference.prompts.chat_template import ChatTemplate
    from app.inference.replies.reply_reader import ReplyFormat
    from app.inference.sampling.constraints import Constraints
    from app.inference.sampling.parameters import default_sampling
    from app.inference.server.heartbeat import Heartbeat
    from app.inference.server.http_server import serve
    from app.inference.server.listening import listen, network_address, own_address
    from app.inference.server.prepared_request import ServedModel
    from app.inference.session.engine_thread import EngineThread
    from app.library.changes import watch_files
    from app.library.index import find_model
    from app.native.library import log

    require_confirmed(arguments, _RISK)
    heartbeat = Heartbeat(reporter.report)
    log.on_abort = lambda reason: reporter.report(_stopped(reason))
    settings, _ = load_settings()
    headers = read_headers(find_model(arguments.model, settings.searched_paths()))
    require_sane(*headers)
    facts = model_info_of(headers)
    listener = listen(arguments.host, arguments.port)
    load_request, plan = with_plan(_load_request(arguments, settings, facts, reporter))
    engine = EngineThread(load_request, reporter.report)
    heartbeat.follow(engine)
    watch_files(facts.files, lambda change: reporter.report(_changed(facts.name, change)))
    try:
        session = engine.load()
    except AppError as error:
        raise with_advice(error, load_request) from error
    loaded = session.loaded
    vocabulary = session.vocabulary
    controls = vocabulary.control_texts()
    template = ChatTemplate(
        facts.chat_template,
        vocabulary.begin_text(),
        vocabulary.end_text(),
        tuple(controls),
        lambda reason: reporter.report(Noticed(NoticeCode.TEMPLATE_FALLBACK, {"reason": reason})),
    )
    if template.warnings:
        reasons = "; ".join(template.warnings)
        reporter.report(Noticed(NoticeCode.TEMPLATE_SUSPICIOUS, {"reasons": reasons}))
    replies = ReplyFormat(template.source, controls)
    vocabulary.show(replies.shown_tokens())
    name = facts.name.encode("utf-8", "replace").decode()
    ready = Ready(
        url=f"http://{own_address(listener)}",
        key=kept_key(reporter.report) if arguments.keep_key else secrets.token_hex(_KEY_BYTES),
        model=name,
        level=facts.level,
        context=session.context_tokens,
        gpu_layers=loaded.gpu_layers,
        threads=loaded.threads,
        network_url=f"http://{place}" if (place := network_address(listener)) else "",
        experts_on_cpu=loaded.step.experts_on_cpu,
        memory=loaded.memory,
        estimated=plan.memory if plan and loaded.step == load_request.planned else {},
    )
    served = ServedModel(
        engine=engine,
        vocabulary=vocabulary,
        template=template,
        format=replies,
        constraints=Constraints(vocabulary),
        sampling=default_sampling(headers[0].metadata),
        name=name,
        context_tokens=session.context_tokens,
        created=int(time.time()),
        key=ready.key,
    )
    origins = frozenset(arguments.allow_origin)
    serve(served, listener, origins, lambda: reporter.report(ready))


def kept_key(report: Callable[[Event], None]) -> str:
    """The key of the last time, or a new one that is kept for the next."""
    if key := stored_secret(_KEY_ENTRY):
        return key
    key = secrets.token_hex(_KEY_BYTES)
    try:
        store_secret(_KEY_ENTRY, key)
    except AppError as error:
        report(Noticed(NoticeCode.SERVER_KEY_NOT_KEPT, error.details))
    return key


def _stopped(reason: str) -> Failed:
    code = ErrorCode.WORKER_LOST if reason.startswith(_RPC_SOURCE) else ErrorCode.ENGINE_STOPPED
    return Failed(code, {"reason": reason})


def _changed(model: str, change: str) -> Noticed:
    return Noticed(NoticeCode.MODEL_FILE_CHANGED, {"model": model, "change": change})


def _load_request(
    arguments: argparse.Namespace, settings: Settings, facts: ModelInfo, reporter: Reporter
) -> LoadRequest:
    from app.inference.loading.loaded_model import LoadRequest
    from app.inference.self_test.probe import working_options

    chosen = chosen_options(arguments, settings.options_for(facts.path))
    return LoadRequest(
        model=facts.path,
        layers=facts.layers,
        trained_context=facts.context,
        options=working_options(chosen, reporter.report),
        slots=arguments.slots or settings.reply_slots,
        workers=tuple(arguments.worker or settings.workers),
        shrinks_context=True,
        reads_at_once=not facts.is_causal,
    )
