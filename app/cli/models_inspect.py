"""`gristmill models inspect`: facts, metadata, tensors and the chat template of a model."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import msgspec

from app.cli.measured_rows import measured_rows
from app.cli.values import STANDARD_OUTPUT, path
from app.core.errors import AppError, ErrorCode
from app.core.events import Finished, Printed
from app.core.files import raising_app_errors
from app.core.inspection_events import ModelInspected
from app.core.language import tr
from app.core.settings import load_settings
from app.core.sizes import format_bytes, format_weights
from app.gguf_file.model import Model, read_model
from app.gguf_file.model_contents import ModelContents, contents_of, type_shares
from app.gguf_file.recipe_file import recipe_text, write_recipe
from app.gguf_file.type_recipe import recipe_of
from app.jobs.reporter import Reporter
from app.library.conversion_records import ConversionRecords
from app.library.index import find_model

NAME = "inspect"
HELP = tr("Show the facts, metadata and tensors of a model, and problems of its chat template.")
_LONGEST_LINE = 120


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "model", metavar="MODEL", help=tr("a .gguf file, or a name from “gristmill models”")
    )
    parser.add_argument("--tensors", action="store_true", help=tr("also list every tensor"))
    parser.add_argument(
        "--types-to",
        type=path,
        metavar="FILE",
        help=tr(
            "write the types of the tensors to this text file, or with “-” to standard output, and "
            "do nothing else; “convert --types-from” and llama-quantize's --tensor-type-file read "
            "the list"
        ),
    )
    parser.add_argument(
        "--json", action="store_true", help=tr("print everything as JSON instead of tables")
    )


def run(arguments: argparse.Namespace, reporter: Reporter) -> None:
    """Read the header and report it, then try the template."""
    from app.inference.prompts.template_preview import notices_about, try_template

    settings, _ = load_settings()
    model = read_model(find_model(arguments.model, settings.search_paths()))
    if arguments.types_to is not None:
        _write_types(model, arguments.types_to, reporter)
        return
    record = ConversionRecords().of(model.path)
    contents = contents_of(model, record.compared if record else None)
    is_whole = arguments.events or arguments.json
    if is_whole:
        reporter.report(ModelInspected(msgspec.Raw(msgspec.json.encode(contents))))
    else:
        lines = _lines(contents, with_tensors=arguments.tensors)
        reporter.report(Printed("".join(f"{line}\n" for line in lines)))
    if not contents.template:
        return
    tried = try_template(contents.template, contents.begin, contents.end)
    if arguments.events:
        reporter.report(tried)
        return
    for notice in notices_about(tried):
        reporter.report(notice)


def _write_types(model: Model, file: Path, reporter: Reporter) -> None:
    recipe = recipe_of(tensor for header in model.headers for tensor in header.tensors)
    if str(file) == STANDARD_OUTPUT:
        reporter.report(Printed(recipe_text(recipe)))
        return
    with raising_app_errors(file.parent):
        if file.exists():
            raise AppError(ErrorCode.FILE_EXISTS, file=str(file))
    write_recipe(file, recipe)
    reporter.report(Finished((str(file),)))


def _lines(contents: ModelContents, *, with_tensors: bool) -> Iterator[str]:
    yield from _facts(contents)
    if contents.compared is not None:
        yield from ("", tr("Quality"), measured_rows(contents.compared))
    yield from ("", tr("Metadata"))
    for entry in contents.metadata:
        value = " ".join(entry.value.split())
        if len(value) > _LONGEST_LINE:
            value = value[: _LONGEST_LINE - 1] + "…"
        yield f"{entry.key:<44} {entry.type:<18} {value}"
    yield from ("", tr("Types"))
    whole = sum(tensor.size_bytes for tensor in contents.tensors) or 1
    for share in type_shares(contents.tensors):
        part, size = f"{share.size_bytes / whole:.1%}", format_bytes(share.size_bytes)
        tensors = tr("tensors: {count}", count=f"{share.tensors:,}")
        yield f"{share.type:<10} {part:>6} {size:>10}  {tensors}"
    if with_tensors:
        yield from ("", tr("Tensors"))
        for tensor in contents.tensors:
            shape = " x ".join(map(str, tensor.shape))
            yield f"{tensor.name:<44} {shape:>22}  {tensor.type:<8} {tensor.size_bytes:>16,}"


def _facts(contents: ModelContents) -> Iterator[str]:
    bits = f"{contents.bits_per_weight:.2f}"
    facts = (
        (tr("File"), contents.path),
        (tr("Files"), str(len(contents.files)) if len(contents.files) > 1 else ""),
        (tr("Architecture"), contents.architecture),
        (tr("Level"), contents.level),
        (tr("Bits per weight"), bits),
        (tr("Size"), format_bytes(contents.size_bytes)),
        (tr("Parameters"), format_weights(contents.parameters)),
        (tr("Context"), f"{contents.context:,}" if contents.context else ""),
        (tr("Layers"), str(contents.layers or "")),
        (tr("Width"), f"{contents.width:,}" if contents.width else ""),
        (tr("Vocabulary"), f"{contents.vocabulary:,}" if contents.vocabulary else ""),
    )
    for title, value in facts:
        if value:
            yield f"{title:<18} {value}"
