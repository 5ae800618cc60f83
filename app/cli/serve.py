"""`gristmill serve`: an OpenAI-compatible server for one model, protected by a key."""

from __future__ import annotations

import argparse
import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING

from app.cli.load_arguments import add_load_arguments, chosen_options
from app.cli.network import add_host_arguments, require_confirmed
from app.cli.values import add_worker_argument, port_number, positive, web_origin
from app.core.errors import AppError, NoticeCode
from app.core.events import Event, NoticeReported
from app.core.language import tr
from app.core.secrets import store_secret, stored_secret
from app.core.settings import Settings, load_settings
from app.jobs.reporter import Reporter

if TYPE_CHECKING:
    from app.gguf_file.model import Model
    from app.inference.loading.loaded_model import LoadRequest

NAME = "serve"
_KEY_BYTES = 32
_KEY_ENTRY = "serve"
_RISK = tr("traffic is not encrypted, and only the key protects the server")
HELP = tr("Serve a model to other programs through an OpenAI-compatible API.")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("model", help=tr("a .gguf file, or a name listed by “gristmill models”"))
    parser.add_argument("--port", type=port_number, default=0, help=tr("default: any free port"))
    add_host_arguments(parser)
    parser.add_argument(
        "--keep-key",
        action="store_true",
        help=tr("use the same key at every start, stored in the system keyring"),
    )
    parser.add_argument(
        "--slots",
        type=positive,
        metavar="N",
        help=tr("number of replies generated in parallel; default: from the settings"),
    )
    add_worker_argument(parser)
    parser.add_argument(
        "--allow-origin",
        action="append",
        type=web_origin,
        default=[],
        metavar="ORIGIN",
        help=tr(
            "accept requests from web pages of this origin, such as http://localhost:3000; "
            "may be repeated"
        ),
    )
    add_load_arguments(parser)


def run(arguments: argparse.Namespace, reporter: Reporter) -> None:
    """Load the model and answer requests until stopped."""
    from app.cli.planned_load import with_advice, with_plan
    from app.gguf_file.model import read_sane_model
    from app.inference.server.listening import listen
    from app.inference.server.startup import ServerOptions, start_server, watch_engine
    from app.library.changes import watch_files
    from app.library.index import find_model
    from app.library.model_places import library_places

    require_confirmed(arguments, _RISK)
    heartbeat = watch_engine(reporter.report)
    settings, _ = load_settings()
    model = read_sane_model(find_model(arguments.model, library_places(settings)))
    listener = listen(arguments.host, arguments.port)
    load_request, plan = with_plan(_load_request(arguments, settings, model, reporter))
    options = ServerOptions(
        listener,
        kept_key(reporter.report) if arguments.keep_key else secrets.token_hex(_KEY_BYTES),
        frozenset(arguments.allow_origin),
        plan.memory if plan else {},
    )
    watch_files(model.files, lambda change: reporter.report(_file_changed(model.info.name, change)))
    try:
        start_server(load_request, options, heartbeat, reporter.report)
    except AppError as error:
        raise with_advice(error, load_request) from error


def kept_key(report: Callable[[Event], None]) -> str:
    """Return the key used last time, or a new one that is stored for next time."""
    if key := stored_secret(_KEY_ENTRY):
        return key
    key = secrets.token_hex(_KEY_BYTES)
    try:
        store_secret(_KEY_ENTRY, key)
    except AppError as error:
        report(NoticeReported(NoticeCode.SERVER_KEY_NOT_KEPT, error.details))
    return key


def _file_changed(model: str, change: str) -> NoticeReported:
    return NoticeReported(NoticeCode.MODEL_FILE_CHANGED, {"model": model, "change": change})


def _load_request(
    arguments: argparse.Namespace, settings: Settings, model: Model, reporter: Reporter
) -> LoadRequest:
    from app.inference.loading.loaded_model import LoadRequest
    from app.inference.self_test.probe import working_options

    chosen = chosen_options(arguments, settings.options_for(model.path))
    return LoadRequest(
        model=model,
        options=working_options(chosen, reporter.report),
        slots=arguments.slots or settings.reply_slots,
        workers=tuple(arguments.worker or settings.workers),
        shrinks_context=True,
        single_batch=not model.info.is_causal,
    )
