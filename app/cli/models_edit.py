"""`gristmill models edit`: change metadata of a model."""

from __future__ import annotations

import argparse
from pathlib import Path

from app.cli.values import add_files_json_argument, output_path, path
from app.core.errors import AppError, ErrorCode, unreadable_file
from app.core.events import Finished
from app.core.language import tr
from app.core.recommended_sampling import SAMPLING_KEYS
from app.core.settings import load_settings
from app.gguf_file.editable_metadata import TEMPLATE_KEY, MetadataValue, parsed_value
from app.gguf_file.metadata_edit import edit_metadata
from app.gguf_file.model import read_model
from app.gguf_file.model_contents import contents_of
from app.jobs.reporter import Reporter
from app.library.conversion_records import ConversionRecords
from app.library.index import find_model

NAME = "edit"
HELP = tr("Change a model's name, author, license, chat template or recommended sampling.")
_TEXTS = {"name": "general.name", "author": "general.author", "license": "general.license"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "model", metavar="MODEL", help=tr("a .gguf file, or a name from “gristmill models”")
    )
    parser.add_argument("--name", metavar="TEXT", help=tr("the name of the model"))
    parser.add_argument("--author", metavar="TEXT", help=tr("the author of the model"))
    parser.add_argument(
        "--license", metavar="TEXT", help=tr("the license of the model, such as apache-2.0")
    )
    parser.add_argument(
        "--template",
        type=path,
        metavar="FILE",
        help=tr("a file with the new chat template, in Jinja"),
    )
    parser.add_argument(
        "--sampling",
        action="append",
        default=[],
        type=_sampling,
        metavar="NAME=VALUE",
        help=tr(
            "a recommended sampling parameter; repeatable; one of {names}",
            names=", ".join(SAMPLING_KEYS),
        ),
    )
    parser.add_argument(
        "--remove",
        action="append",
        default=[],
        metavar="KEY",
        help=tr("remove a metadata entry that only describes the model; repeatable"),
    )
    parser.add_argument(
        "--to",
        type=output_path,
        metavar="FILE",
        help=tr("write a changed copy; default: change the model itself"),
    )
    add_files_json_argument(parser)


def run(arguments: argparse.Namespace, reporter: Reporter) -> None:
    """Check the new values, then write."""
    settings, _ = load_settings()
    model = find_model(arguments.model, settings.search_paths())
    changes: dict[str, MetadataValue | None] = dict.fromkeys(arguments.remove)
    for key, text in _given(arguments).items():
        changes[key] = parsed_value(key, text)
    if not changes:
        raise AppError(ErrorCode.CHANGES_MISSING)
    if template := changes.get(TEMPLATE_KEY):
        _try(model, str(template), reporter)
    records = ConversionRecords()
    record = records.of(model)
    written = edit_metadata(model, changes, arguments.to, reporter.report)
    if record is not None:
        # The weights are still the ones that it describes.
        records.keep(written[0], record)
    reporter.report(Finished(tuple(map(str, written))))


def _given(arguments: argparse.Namespace) -> dict[str, str]:
    given = {
        key: getattr(arguments, name)
        for name, key in _TEXTS.items()
        if getattr(arguments, name) is not None
    }
    given |= {SAMPLING_KEYS[name]: value for name, value in arguments.sampling}
    if arguments.template is not None:
        given[TEMPLATE_KEY] = _text_of(arguments.template)
    return given


def _text_of(file: Path) -> str:
    try:
        return file.read_bytes().decode()
    except OSError as error:
        raise unreadable_file(file, error) from error
    except UnicodeDecodeError as error:
        raise AppError(
            ErrorCode.FILE_UNREADABLE, file=file.name, reason=tr("it is not UTF-8 text")
        ) from error


def _try(model: Path, template: str, reporter: Reporter) -> None:
    """Report faults of a new template; it is written anyway, since other programs may accept it."""
    from app.inference.prompts.template_preview import notices_about, try_template

    contents = contents_of(read_model(model))
    tried = try_template(template, contents.begin, contents.end)
    for notice in notices_about(tried):
        reporter.report(notice)


def _sampling(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or name not in SAMPLING_KEYS:
        message = tr(
            "“{value}” is not in the form NAME=VALUE with one of these names: {names}",
            value=text,
            names=", ".join(SAMPLING_KEYS),
        )
        raise argparse.ArgumentTypeError(message)
    return name, value
