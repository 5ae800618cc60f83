"""`gristmill endpoints`: the servers of other engines, and the models that they offer."""

from __future__ import annotations

import argparse
from concurrent.futures import ThreadPoolExecutor

from app.cli.secret import ask_secret
from app.core.errors import AppError, NoticeCode
from app.core.events import EndpointListed, Noticed
from app.endpoints import catalog
from app.endpoints.endpoint import Endpoint, parse_address
from app.endpoints.offer import offered_models
from app.jobs.reporter import Reporter

NAME = "endpoints"
HELP = "List, add or remove servers of other engines: vLLM, llama-server, Ollama, LM Studio, …"
_AT_ONCE = 8


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments; a key in one of them could be read by every program."""
    action = parser.add_mutually_exclusive_group()
    action.add_argument(
        "--add", metavar="URL", help="the address of an OpenAI-compatible server; asks for its key"
    )
    action.add_argument("--remove", metavar="URL", help="forget a server and its key")
    parser.add_argument("--name", default="", help="what to call the server that is added")


def run(arguments: argparse.Namespace, reporter: Reporter) -> None:
    """Add or remove a server, or report each of them with its models."""
    if arguments.add is not None:
        _add(arguments, reporter)
    elif arguments.remove is not None:
        catalog.drop(parse_address(arguments.remove))
    else:
        found, notice = catalog.load_endpoints()
        if notice is not None:
            reporter.report(notice)
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            for listed in threads.map(_listed, found):
                reporter.report(listed)


def _add(arguments: argparse.Namespace, reporter: Reporter) -> None:
    endpoint = parse_address(arguments.add, arguments.name)
    prompt = "Key of the server (it is not shown; Enter for none): "
    key = catalog.checked_key(ask_secret(prompt, from_parent=arguments.events))
    models = offered_models(endpoint, key)
    if endpoint.is_readable_on_the_way:
        reporter.report(Noticed(NoticeCode.CONNECTION_READABLE, {"host": endpoint.host}))
    if notice := catalog.keep(endpoint, key):
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
