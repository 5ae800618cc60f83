"""`gristmill read-vocabulary`: write a checkpoint's vocabulary as GGUF metadata, without torch."""

from __future__ import annotations

import argparse
import gc
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from app.cli.values import path
from app.core.events import Finished
from app.core.language import tr
from app.jobs import lifeline
from app.jobs.reporter import Reporter

if TYPE_CHECKING:
    from app.conversion.converter.transformers_choice import Transformers

NAME = "read-vocabulary"
HELP = tr("Write a checkpoint's vocabulary as GGUF metadata; started by estimate.")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("converter", type=path, help=tr("the folder of llama.cpp's converter"))
    parser.add_argument("target", type=Path, help=tr("the file to write"))


def run(arguments: argparse.Namespace, reporter: Reporter) -> None:
    """Receive the version of transformers, then the checkpoint, and write its vocabulary."""
    from app.conversion.converter.bridge import vocabulary_of
    from app.conversion.converter.converter_process import import_converter
    from app.conversion.converter.patches.absent_torch import do_without_torch

    # The process ends before there is much to collect.
    gc.disable()
    do_without_torch()
    # Waiting costs nothing: the files that decide the version are fetched before the tokenizer.
    transformers: Transformers = "pinned" if lifeline.receive_input() == "pinned" else "own"
    import_converter(arguments.converter, transformers)
    vocabulary = vocabulary_of(Path(lifeline.receive_input()))
    arguments.target.write_bytes(msgspec.msgpack.encode(vocabulary))
    reporter.report(Finished())
