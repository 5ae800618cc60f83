"""`gristmill get`: from the name of a repository to a finished GGUF file, in one step."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from typing import TYPE_CHECKING

from app.cli.conversion_command import remember_conversion
from app.cli.convert import (
    add_conversion_arguments,
    convert_path,
    request_for,
    require_text,
)
from app.cli.target_size import has_target, measures_model, require_consistent
from app.core.errors import AppError, ErrorCode, ErrorDetails, NoticeCode
from app.core.event_lines import decode_event
from app.core.events import Failed, Finished, NoticeReported, Printed, Progressed, SourceLocated
from app.core.language import tr
from app.core.levels import DEFAULT_LEVEL
from app.core.settings import load_settings
from app.jobs.child_process import ChildProcess
from app.jobs.launch import child_environment, command_line
from app.jobs.reporter import Reporter
from app.library.unfinished_downloads import DownloadRequest
from app.machine.cores import lower_thread_priority

if TYPE_CHECKING:
    from app.hub.reference import RepositoryReference
    from app.hub.repository import RepositoryInfo

NAME = "get"
HELP = tr(
    "Convert a repository to GGUF while it is being downloaded, or download its best GGUF file."
)
_WITHOUT_OUTLINE = frozenset({ErrorCode.PICKLES_WITHOUT_OUTLINE, ErrorCode.ADAPTER_WITHOUT_OUTLINE})


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "repository", metavar="REPO", help=tr("owner/name, or the address of its page")
    )
    parser.add_argument(
        "--revision", metavar="R", help=tr("a branch, tag or commit; default: main")
    )
    add_conversion_arguments(parser)
    parser.add_argument(
        "--keep-checkpoint",
        action="store_true",
        help=tr(
            "download the weights first and keep them, instead of converting them as they arrive"
        ),
    )
    parser.set_defaults(base=None, dry_run=False, verbose=False, types_to=None)


def run(arguments: argparse.Namespace, reporter: Reporter) -> None:
    """Get a model: convert its checkpoint, or download the GGUF file that suits this machine."""
    from app.hub.access_token import read_token
    from app.hub.reference import parse_reference
    from app.hub.repository import fetch_repository
    from app.hub.selection import files_to_fetch, is_gguf

    if arguments.events:
        # The window and its replies come first.
        lower_thread_priority()
    require_consistent(arguments)
    require_text(arguments, reporter)
    reference = parse_reference(arguments.repository)
    if arguments.revision:
        reference = replace(reference, revision=arguments.revision)
    info = fetch_repository(reference, read_token())
    pinned = replace(reference, revision=info.commit)
    _warn_unless_chat(pinned, reporter)
    asked = DownloadRequest(
        info.repository,
        reference.revision,
        allows_pickle=arguments.allow_pickle,
        kind="get",
        levels=tuple(arguments.level),
    )
    if is_gguf(files_to_fetch(info, allows_pickle=asked.allows_pickle).files[0]):
        _get_gguf(pinned, asked, arguments, reporter)
        return
    if not asked.levels and not has_target(arguments):
        arguments.level = _begun_levels(asked) or [_recommended_level(pinned, reporter)]
    if reason := _convert_while_downloading(info, asked, arguments, reporter):
        if not arguments.keep_checkpoint:
            reporter.report(NoticeReported(NoticeCode.CHECKPOINT_KEPT, {"reason": reason}))
        _download_and_convert(pinned, asked, arguments, reporter)


def _begun_levels(asked: DownloadRequest) -> list[str]:
    """Return the levels that an interrupted run recommended; what it has made is for them."""
    from app.library.stream_journal import unfinished_streams

    begun = (stream.record for stream in unfinished_streams())
    mine = (record.levels for record in begun if record.asked_by(asked))
    return list(next(mine, ()))


def _warn_unless_chat(reference: RepositoryReference, reporter: Reporter) -> None:
    """Warn of a model that isn't made for chat; other obstacles show before weights are fetched."""
    from app.hub.hub_connections import HubConnections
    from app.hub.model_kind import purpose_of
    from app.hub.model_page import fetch_kind

    with HubConnections() as connections, connections.lent() as api:
        purpose = purpose_of(fetch_kind(reference, api))
    if purpose:
        details: ErrorDetails = {"repository": reference.repository, "kind": purpose}
        reporter.report(NoticeReported(NoticeCode.MODEL_WITHOUT_CHAT, details))


def _needs_checkpoint(arguments: argparse.Namespace) -> str:
    """Return why the whole checkpoint is needed; empty if it isn't, as far as is known yet."""
    if arguments.keep_checkpoint:
        return tr("you asked for it")
    if measures_model(arguments):
        return tr("they are measured first")
    if arguments.calibration:
        return tr("an importance matrix is made from them")
    return ""


def _convert_while_downloading(
    info: RepositoryInfo,
    asked: DownloadRequest,
    arguments: argparse.Namespace,
    reporter: Reporter,
) -> str:
    """Convert without storing the weights; return the reason if that can't be done."""
    from app.conversion.converter.installation import converter_folder
    from app.conversion.pipeline import require_choices
    from app.hub.outline import fetch_outline
    from app.hub.reference import RepositoryReference
    from app.streaming.streamed_conversion import (
        CheckpointNeededError,
        StreamRequest,
        convert_while_downloading,
    )

    settings, _ = load_settings()
    converter = converter_folder(settings)
    try:
        outline = fetch_outline(RepositoryReference(info.repository, info.commit), reporter.report)
    except AppError as error:
        if error.code in _WITHOUT_OUTLINE:
            return _needs_checkpoint(arguments) or tr("the tensors can't be listed beforehand")
        raise
    if measures_model(arguments):
        return _needs_checkpoint(arguments)
    conversion = request_for(outline, arguments, settings)
    if reason := _needs_checkpoint(arguments):
        # Not only after the weights have been fetched.
        require_choices(conversion, reporter.report)
        return reason
    reporter.report(SourceLocated(str(outline)))
    request = StreamRequest(info, asked, conversion, outline, is_projector=arguments.mmproj)
    try:
        written = convert_while_downloading(request, converter, reporter.report)
    except CheckpointNeededError as error:
        return str(error)
    remember_conversion(written, info.repository, outline, arguments)
    reporter.report(Finished(tuple(str(path) for path in written)))
    return ""


def _download_and_convert(
    reference: RepositoryReference,
    asked: DownloadRequest,
    arguments: argparse.Namespace,
    reporter: Reporter,
) -> None:
    from app.hub.download import download_repository

    folder = download_repository(
        reference, None, reporter.report, allows_pickle=asked.allows_pickle, asked=asked
    )
    reporter.report(SourceLocated(str(folder)))
    convert_path(folder, arguments, reporter)


def _get_gguf(
    reference: RepositoryReference,
    asked: DownloadRequest,
    arguments: argparse.Namespace,
    reporter: Reporter,
) -> None:
    from app.cli.download import recommended_model
    from app.hub.download import download_repository

    pattern = next(iter(asked.levels), None) or recommended_model(reference, reporter)
    place = download_repository(reference, arguments.to, reporter.report, pattern, asked=asked)
    reporter.report(Finished(paths=(str(place),)))


def _recommended_level(reference: RepositoryReference, reporter: Reporter) -> str:
    """Return the level that `estimate` recommends for this machine, or else the default one."""
    source = f"{reference.repository}@{reference.revision}"
    command = command_line("estimate", source, "--json")
    with ChildProcess(command, child_environment("estimate")) as child:
        for line in child.remaining_lines():
            match decode_event(line):
                case Printed(text):
                    level: str = json.loads(text)["advice"]["level"]
                    return level or DEFAULT_LEVEL
                case Progressed() as progress:
                    reporter.report(progress)
                case Failed(code, details):
                    raise AppError(code, **details)
    return DEFAULT_LEVEL
