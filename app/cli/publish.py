"""`gristmill publish`: upload models to the Hugging Face Hub, with a model card.

With `--json` it prints one object with the fields of `app.core.publish_events.PublishPlanned`,
sizes in bytes, and `is_published`.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

import msgspec

from app.core.errors import AppError, ErrorCode
from app.core.events import Finished, Printed
from app.core.language import tr
from app.core.settings import load_settings
from app.jobs.reporter import Reporter
from app.library.index import find_model
from app.library.model_places import library_places

if TYPE_CHECKING:
    from app.core.publish_events import PublishPlanned
    from app.publishing.publish_plan import PublishRequest

NAME = "publish"
HELP = tr(
    "Upload models to the Hugging Face Hub, with a model card; resumes an interrupted upload."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "models",
        nargs="+",
        metavar="MODEL",
        help=tr("a .gguf file, or a name from “gristmill models”; its projector comes with it"),
    )
    parser.add_argument(
        "--repo",
        default="",
        metavar="REPO",
        help=tr("the repository, as owner/name; default: one of yours, named after the model"),
    )
    parser.add_argument(
        "--public",
        action="store_true",
        help=tr("let everyone see the repository; default: it is private"),
    )
    parser.add_argument(
        "--base-model",
        default="",
        metavar="REPO",
        help=tr("the model that was quantized, as owner/name; default: as far as the file knows"),
    )
    parser.add_argument(
        "--license",
        default="",
        metavar="NAME",
        help=tr("the license for the card, such as apache-2.0; default: the one in the file"),
    )
    parser.add_argument(
        "--replace-card",
        action="store_true",
        help=tr("replace a card that was not written by Gristmill"),
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help=tr("list what would be uploaded, and upload nothing"),
    )
    parser.add_argument(
        "--json", action="store_true", help=tr("print one JSON object instead of a table")
    )


def run(arguments: argparse.Namespace, reporter: Reporter) -> None:
    """Report the plan, and upload unless it is a dry run."""
    from app.hub.access_token import read_token
    from app.publishing.hub_uploader import HubUploader
    from app.publishing.publication import publish
    from app.publishing.publish_plan import plan_publication

    request = _request(arguments)
    token = read_token()
    if token is None:
        raise AppError(ErrorCode.TOKEN_NEEDED)
    uploader = HubUploader(token)
    planned = plan_publication(request, uploader, reporter.report)
    if not arguments.json:
        reporter.report(planned)
    if not arguments.dry_run:
        publish(planned, request, uploader, reporter.report)
    if arguments.json:
        reporter.report(Printed(_document(planned, is_published=not arguments.dry_run)))
    elif not arguments.dry_run:
        reporter.report(Finished((planned.address,)))


def _request(arguments: argparse.Namespace) -> PublishRequest:
    from app.hub.reference import parse_reference
    from app.publishing.publish_plan import PublishRequest
    from app.publishing.published_files import local_models

    settings, _ = load_settings()
    places = library_places(settings)
    named = (arguments.repo, arguments.base_model)
    repository, base_model = (parse_reference(one).repository if one else "" for one in named)
    return PublishRequest(
        models=local_models(find_model(text, places) for text in arguments.models),
        repository=repository,
        is_public=arguments.public,
        base_model=base_model,
        license=arguments.license,
        replaces_card=arguments.replace_card,
    )


def _document(planned: PublishPlanned, *, is_published: bool) -> str:
    facts = msgspec.to_builtins(planned)
    del facts["type"]
    document = facts | {"is_published": is_published}
    return msgspec.json.format(msgspec.json.encode(document)).decode() + "\n"
