"""`gristmill convert`: convert a checkpoint, adapter or GGUF file to GGUF at the given levels."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from app.cli.conversion_command import remember_conversion, source_repository
from app.cli.target_size import (
    PreparedConversion,
    add_target_arguments,
    has_target,
    measured_request,
    measures_model,
    require_consistent,
)
from app.cli.text_choice import read_choice, text_choice
from app.cli.values import (
    add_files_json_argument,
    add_pickle_argument,
    add_requantize_argument,
    existing_path,
    output_path,
    path,
    thread_count,
)
from app.core.errors import AppError, ErrorCode
from app.core.events import Finished, SourceLocated
from app.core.files import free_path, raising_app_errors, require_writable
from app.core.language import tr
from app.core.levels import (
    DEFAULT_LEVEL,
    FORMAT_PRESERVING_LEVELS,
    LEVELS,
    SPECIAL_LEVELS,
    Level,
    level_named,
)
from app.core.settings import Settings, load_settings
from app.gguf_file.detection import has_gguf_name
from app.gguf_file.recipe_file import read_recipe
from app.gguf_file.type_patterns import pattern_error
from app.jobs.reporter import Reporter
from app.machine.cores import lower_thread_priority, usable_threads

if TYPE_CHECKING:
    from app.conversion.conversion_request import ConversionRequest
    from app.conversion.sources import Source
    from app.conversion.type_choices import TypeChoices
    from app.hub.reference import RepositoryReference

NAME = "convert"
HELP = tr("Convert a model to GGUF at one or more quantization levels.")
_QUANTIZED_LEVEL = level_named(DEFAULT_LEVEL)
_WITHOUT_OUTLINE = frozenset({ErrorCode.PICKLES_WITHOUT_OUTLINE, ErrorCode.ADAPTER_WITHOUT_OUTLINE})


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "source",
        help=tr(
            "the folder of a checkpoint or LoRA adapter, a GGUF file, or a repository as owner/name"
        ),
    )
    add_conversion_arguments(parser)
    parser.add_argument(
        "--base",
        type=path,
        metavar="FOLDER",
        help=tr("the base model of a LoRA adapter"),
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help=tr(
            "run the checks and show the exact size of every level, without writing files or "
            "downloading weights"
        ),
    )
    parser.add_argument(
        "--verbose",
        action="store_true",
        help=tr("show the type of every tensor at every level"),
    )
    parser.add_argument(
        "--types-to",
        type=output_path,
        metavar="FILE",
        help=tr(
            "also write the types of the tensors to this text file, which --types-from and "
            "llama-quantize's --tensor-type-file read"
        ),
    )


def add_conversion_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments that say how to convert, whatever the source."""
    parser.add_argument(
        "--level",
        action="append",
        default=[],
        type=_known_level,
        metavar="LEVEL",
        help=tr(
            "the level; repeatable; one of {levels}",
            levels=", ".join(_level_names(LEVELS)),
        ),
    )
    add_target_arguments(parser)
    parser.add_argument(
        "--to", type=output_path, metavar="PATH", help=tr("the folder or .gguf file to write to")
    )
    parser.add_argument("--threads", type=thread_count, metavar="N", help=tr("default: all cores"))
    existing = parser.add_mutually_exclusive_group()
    existing.add_argument("--overwrite", action="store_true", help=tr("replace existing files"))
    existing.add_argument(
        "--keep-both",
        action="store_true",
        help=tr("keep existing files, and add a number to the names of new ones"),
    )
    importance = parser.add_mutually_exclusive_group()
    importance.add_argument(
        "--imatrix", type=path, metavar="FILE", help=tr("use this importance matrix")
    )
    importance.add_argument(
        "--calibration",
        type=text_choice,
        metavar="TEXT",
        help=tr(
            "make an importance matrix from this text file, or from the built-in text "
            "(“builtin”), and keep it next to the result"
        ),
    )
    parser.add_argument(
        "--type",
        action="append",
        default=[],
        type=_override,
        metavar="PATTERN=TYPE",
        help=tr("the type of tensors whose names match; repeatable, the first match counts"),
    )
    parser.add_argument(
        "--types-from",
        type=path,
        metavar="FILE",
        help=tr(
            "a GGUF file of this or a similar model, whose tensor types are used, or a list of "
            "types as for llama-quantize's --tensor-type-file; --type takes precedence, and the "
            "level counts only for tensors that it leaves out"
        ),
    )
    parser.add_argument("--output-type", metavar="TYPE", help=tr("the type of output.weight"))
    parser.add_argument(
        "--embedding-type", metavar="TYPE", help=tr("the type of token_embd.weight")
    )
    parser.add_argument(
        "--reference",
        action="store_true",
        help=tr("quantize with ggml's own code, which is much slower"),
    )
    parser.add_argument(
        "--mmproj",
        action="store_true",
        help=tr("convert the multimodal projector instead of the text model"),
    )
    add_pickle_argument(parser)
    add_requantize_argument(parser)
    add_files_json_argument(parser)


def run(arguments: argparse.Namespace, reporter: Reporter) -> None:
    """Check, plan and write."""
    if arguments.events:
        # The window and its replies come first.
        lower_thread_priority()
    _require_levels(arguments)
    require_consistent(arguments)
    _require_types_file(arguments)
    require_text(arguments, reporter)
    convert_path(_path_of(arguments, reporter), arguments, reporter)


def convert_path(place: Path, arguments: argparse.Namespace, reporter: Reporter) -> None:
    """Convert the source at a path, and report the files."""
    from app.conversion.converter.installation import converter_folder
    from app.conversion.pipeline import convert

    settings, _ = load_settings()
    converter = converter_folder(settings)
    request = request_for(place, arguments, settings)
    with _prepared(request, arguments, converter, reporter) as prepared:
        written = convert(prepared.request, converter, reporter.report)
    remember_conversion(written, source_repository(place), place, arguments, prepared.compared)
    reporter.report(Finished(tuple(str(path) for path in written)))


def _prepared(
    request: ConversionRequest, arguments: argparse.Namespace, converter: Path, reporter: Reporter
) -> AbstractContextManager[PreparedConversion]:
    """Provide the request with what is to be found out about the model first."""
    if measures_model(arguments):
        return measured_request(request, arguments, converter, reporter)
    if arguments.calibration and not arguments.dry_run:
        from app.cli.importance import calibrated

        request = calibrated(request, converter, arguments.calibration, reporter)
    return nullcontext(PreparedConversion(request))


def request_for(
    place: Path, arguments: argparse.Namespace, settings: Settings
) -> ConversionRequest:
    """Return the request to convert the source at a path.

    Raises:
        AppError: what `source_at` raises, `one_file_for_several_levels`, `importance_not_offered`,
            `folder_not_writable`.
    """
    from app.conversion.conversion_request import ConversionRequest
    from app.conversion.sources import source_at

    folder, file = _target(arguments.to, settings, arguments.level)
    source = source_at(
        place,
        is_projector=arguments.mmproj,
        allows_pickle=arguments.allow_pickle,
        base=arguments.base,
    )
    return ConversionRequest(
        source=source,
        levels=_levels(arguments, source),
        folder=folder,
        file=file,
        threads=arguments.threads or usable_threads(),
        replaces=arguments.overwrite,
        keeps_existing=arguments.keep_both,
        is_dry_run=arguments.dry_run,
        reports_tensors=arguments.verbose,
        skips_unsuitable=not arguments.level,
        reference_only=arguments.reference or settings.quantizes_by_reference,
        choices=_choices(arguments, source),
        types_file=arguments.types_to,
    )


def _level_names(levels: Sequence[Level]) -> Iterator[str]:
    return (level.name for level in (*levels, *FORMAT_PRESERVING_LEVELS))


def _known_level(text: str) -> str:
    try:
        return level_named(text).name
    except KeyError as error:
        raise argparse.ArgumentTypeError(
            tr(
                "“{value}” is not a quantization level of llama.cpp; choose one of {levels}",
                value=text,
                levels=", ".join(_level_names((*SPECIAL_LEVELS, *LEVELS))),
            )
        ) from error


def _override(text: str) -> tuple[str, str]:
    pattern, equals, name = text.rpartition("=")
    if not (pattern and equals and name):
        raise argparse.ArgumentTypeError(
            tr("“{value}” is not in the form PATTERN=TYPE", value=text)
        )
    if error := pattern_error(pattern):
        message = tr("“{pattern}” is not a valid pattern: {error}", pattern=pattern, error=error)
        raise argparse.ArgumentTypeError(message)
    return pattern, name


def _choices(arguments: argparse.Namespace, source: Source) -> TypeChoices:
    from app.cli.importance import with_importance
    from app.conversion.type_choices import TypeChoices

    if _uses_importance(arguments) and _QUANTIZED_LEVEL not in source.levels:
        raise AppError(ErrorCode.IMPORTANCE_NOT_OFFERED)
    file: Path | None = arguments.types_from
    recipe = read_recipe(file) if file else ()
    choices = TypeChoices(
        overrides=(*arguments.type, *recipe),
        recipe=recipe,
        recipe_file=file.name if file else "",
        output_type=arguments.output_type,
        embedding_type=arguments.embedding_type,
        requantizes=arguments.requantize,
    )
    return choices if measures_model(arguments) else with_importance(choices, arguments, source)


def require_text(arguments: argparse.Namespace, reporter: Reporter) -> None:
    """Check the text for calibration before anything is downloaded or converted.

    Raises:
        AppError: `file_unreadable`, `text_unusable`.
    """
    if arguments.calibration:
        read_choice(arguments.calibration, reporter)


def _uses_importance(arguments: argparse.Namespace) -> bool:
    return bool(arguments.imatrix or arguments.calibration)


def _require_levels(arguments: argparse.Namespace) -> None:
    is_given = arguments.level or has_target(arguments) or arguments.types_from
    if not is_given and not arguments.dry_run:
        raise AppError(ErrorCode.LEVEL_MISSING)


def _require_types_file(arguments: argparse.Namespace) -> None:
    """Check where the types are to be written before the model is measured or converted."""
    file: Path | None = arguments.types_to
    if file is None:
        return
    if len(set(arguments.level)) != 1 and not has_target(arguments) and not arguments.types_from:
        raise AppError(ErrorCode.ONE_LEVEL_FOR_TYPES)
    with raising_app_errors(file.parent):
        if file.is_dir():
            raise AppError(ErrorCode.FILE_EXISTS, file=str(file))
        if arguments.keep_both:
            arguments.types_to = free_path(file)
        elif file.exists() and not arguments.overwrite:
            raise AppError(ErrorCode.RESULT_EXISTS, file=str(file))
    require_writable(file.parent)


def _levels(arguments: argparse.Namespace, source: Source) -> tuple[Level, ...]:
    if arguments.level:
        return tuple(dict.fromkeys(level_named(name) for name in arguments.level))
    offered = (*LEVELS, *FORMAT_PRESERVING_LEVELS)
    if _uses_importance(arguments):
        offered = (*SPECIAL_LEVELS, *offered)
    return tuple(level for level in offered if level in source.levels)


def _path_of(arguments: argparse.Namespace, reporter: Reporter) -> Path:
    place = existing_path(arguments.source)
    if place is not None:
        return place
    from app.hub.reference import repository_named

    folder = _folder_of(repository_named(arguments.source), arguments, reporter)
    reporter.report(SourceLocated(str(folder)))
    return folder


def _folder_of(
    reference: RepositoryReference, arguments: argparse.Namespace, reporter: Reporter
) -> Path:
    """Fetch a repository, or for a dry run only its outline where that is enough."""
    from app.hub.download import download_repository, downloaded_folder
    from app.hub.outline import fetch_outline

    if arguments.dry_run:
        pickles = arguments.allow_pickle
        try:
            there = downloaded_folder(reference, reporter.report, allows_pickle=pickles)
            return there or fetch_outline(reference, reporter.report)
        except AppError as error:
            if error.code not in _WITHOUT_OUTLINE:
                raise
    return download_repository(
        reference, None, reporter.report, allows_pickle=arguments.allow_pickle
    )


def _target(to: Path | None, settings: Settings, levels: Sequence[str]) -> tuple[Path, Path | None]:
    if to is None:
        return settings.models_path(), None
    with raising_app_errors(to.parent):
        if to.is_dir() or not has_gguf_name(to.name):
            return to, None
    if len(set(levels)) > 1:
        raise AppError(ErrorCode.ONE_FILE_FOR_SEVERAL_LEVELS, file=str(to))
    return to.parent, to
