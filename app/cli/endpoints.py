"""`gristmill endpoints`: other engines' servers and the models they offer."""

from __future__ import annotations

import argparse
from concurrent.futures import ThreadPoolExecutor

from app.cli.secret import ask_secret
from app.core.errors import AppError, NoticeCode
from app.core.events import EndpointListed, NoticeReported
from app.core.language import tr
from app.endpoints import catalog
from app.endpoints.endpoint import Endpoint, parse_address
from app.endpoints.model_listing import offered_models
from app.jobs.reporter import Reporter

NAME = "endpoints"
HELP = tr(
    "List, add or remove servers of other engines, such as vLLM, llama-server, Ollama or LM Studio."
)
_AT_ONCE = 8


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments; none takes a key: other programs could read it there."""
    action = parser.add_mutually_exclusive_group()
    action.add_argument(
        "--add",
        metavar="URL",
        help=tr("add the OpenAI-compatible server at this address; prompts for its key"),
    )
    action.add_argument("--remove", metavar="URL", help=tr("remove a server and its key"))
    parser.add_argument("--name", default="", help=tr("the display name of the added server"))


def run(arguments: argparse.Namespace, reporter: Reporter) -> None:
    """Add or remove a server, or report every server with its models."""
    if arguments.add is not None:
        _add(arguments, reporter)
    elif arguments.remove is not None:
        catalog.remove(parse_address(arguments.remove))
    else:
        found, notice = catalog.load_endpoints()
        if notice is not None:
            reporter.report(notice)
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            for listed in threads.map(_listed, found):
                reporter.report(listed)


def _add(arguments: argparse.Namespace, reporter: Reporter) -> None:
    endpoint = parse_address(arguments.add, arguments.name)
    prompt = tr("Key of the server (hidden; press Enter for none): ")
    key = catalog.checked_key(ask_secret(prompt, from_parent=arguments.events))
    models = offered_models(endpoint, key)
    if endpoint.can_be_intercepted:
        reporter.report(NoticeReported(NoticeCode.CONNECTION_READABLE, {"host": endpoint.host}))
    if notice := catalog.add_or_update(endpoint, key):
        reporter.report(notice)
    reporter.report(EndpointListed(endpoint.url, endpoint.name, models, key))


def _listed(endpoint: Endpoint) -> EndpointListed:
    key = catalog.key_of(endpoint)
    try:
        models = offered_models(endpoint, key)
    except AppError as error:
        return EndpointListed(
            endpoint.url, endpoint.name, key=key, problem=error.code, details=error.details
        )
    return EndpointListed(endpoint.url, endpoint.name, models, key)
