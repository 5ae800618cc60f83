"""`gristmill search`: find models on the Hugging Face Hub, with their size and fit.

With `--json` it prints one object whose `models` is a list of objects with the fields of
`app.core.hub_events.HubModelFound`, sizes in bytes, without `number` and `sentence`.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable
from typing import get_args

import msgspec

from app.cli.values import whole_number
from app.core.errors import NoticeCode
from app.core.events import NoticeReported, Printed
from app.core.hub_events import HubModelFound, HubSearch, SearchSort, WeightFormat
from app.core.language import tr
from app.jobs.reporter import Reporter

NAME = "search"
HELP = tr("Search the Hugging Face Hub for models, with their size and fit on this machine.")
_PARAMETERS = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)([BbMm])")
_WEIGHTS = {"b": 10**9, "m": 10**6}
_MOST_RESULTS = 100
_NOT_FACTS = frozenset({"type", "number", "sentence"})


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "query",
        nargs="?",
        default="",
        metavar="QUERY",
        help=tr("words of the name, owner/name, or the address of a page; default: all models"),
    )
    parser.add_argument(
        "--author", default="", metavar="OWNER", help=tr("only models of this owner")
    )
    parser.add_argument(
        "--task",
        default="",
        metavar="TASK",
        help=tr("only models for this task, such as text-generation"),
    )
    parser.add_argument(
        "--format",
        choices=get_args(WeightFormat),
        default="",
        help=tr("only models in this format"),
    )
    parser.add_argument(
        "--license",
        default="",
        metavar="NAME",
        help=tr("only models with this license, such as apache-2.0"),
    )
    parser.add_argument(
        "--language",
        default="",
        metavar="CODE",
        help=tr("only models that know this language, such as en"),
    )
    parser.add_argument(
        "--gated",
        action=argparse.BooleanOptionalAction,
        default=None,
        help=tr("only gated models, whose owners ask you to accept terms, or only open ones"),
    )
    parser.add_argument(
        "--quantized-from",
        default="",
        metavar="REPO",
        help=tr("only quantizations of this model, as owner/name"),
    )
    parser.add_argument(
        "--min-parameters",
        type=parameters,
        default=0,
        metavar="N",
        help=tr("at least this many parameters, such as 500M or 1.5B"),
    )
    parser.add_argument(
        "--max-parameters",
        type=parameters,
        default=0,
        metavar="N",
        help=tr("at most this many parameters"),
    )
    parser.add_argument("--fits", action="store_true", help=tr("only models that fit this machine"))
    parser.add_argument(
        "--sort",
        choices=get_args(SearchSort),
        default="trending",
        help=tr("the sort order; default: %(default)s"),
    )
    parser.add_argument(
        "--limit",
        type=result_count,
        default=20,
        metavar="N",
        help=tr("at most this many results; default: %(default)s"),
    )
    parser.add_argument("--json", action="store_true", help=tr("print JSON instead of a table"))


def run(arguments: argparse.Namespace, reporter: Reporter) -> None:
    """Search, and report each model or print all as JSON."""
    from app.cli.hub_host import this_host
    from app.hub.hub_connections import HubConnections
    from app.hub.search import search

    with HubConnections() as connections, connections.lent() as api:
        found = search(wanted_by(arguments), api, this_host())
    if found.is_outdated:
        reporter.report(NoticeReported(NoticeCode.HUB_ANSWER_OLD))
    if arguments.json:
        reporter.report(Printed(document_of(found.models) + "\n"))
        return
    for model in found.models:
        reporter.report(model)
    if not found.models:
        reporter.report(Printed(tr("The Hub has no such model.") + "\n"))


def wanted_by(arguments: argparse.Namespace) -> HubSearch:
    """Return the search that the arguments ask for."""
    return HubSearch(
        text=arguments.query,
        author=arguments.author,
        task=arguments.task,
        format=arguments.format,
        license=arguments.license,
        language=arguments.language,
        gated=arguments.gated,
        quantized_from=arguments.quantized_from,
        min_parameters=arguments.min_parameters,
        max_parameters=arguments.max_parameters,
        fits_only=arguments.fits,
        sort=arguments.sort,
        limit=arguments.limit,
    )


def parameters(text: str) -> int:
    """Parse a number of parameters in millions or billions, such as `500M` or `1.5B`."""
    match = _PARAMETERS.fullmatch(text)
    if match is None:
        message = tr("“{value}” is not a number of parameters such as 500M or 1.5B", value=text)
        raise argparse.ArgumentTypeError(message)
    return round(float(match[1]) * _WEIGHTS[match[2].lower()])


def result_count(text: str) -> int:
    """Parse a number of results."""
    return whole_number(text, 1, _MOST_RESULTS)


def document_of(models: Iterable[HubModelFound]) -> str:
    """Return the indented JSON."""
    document = {"models": [_facts_of(model) for model in models]}
    return msgspec.json.format(msgspec.json.encode(document)).decode()


def _facts_of(model: HubModelFound) -> dict[str, object]:
    facts = msgspec.to_builtins(model)
    return {name: facts[name] for name in facts if name not in _NOT_FACTS}
