"""`gristmill read-vocabulary`: a checkpoint's vocabulary as GGUF has it; needs no torch."""

from __future__ import annotations

import argparse
import gc
from pathlib import Path

import msgspec

from app.cli.values import path
from app.core.events import Finished
from app.jobs import lifeline
from app.jobs.reporter import Reporter

NAME = "read-vocabulary"
HELP = "Write a checkpoint's vocabulary as metadata of a GGUF file; estimate starts it."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("converter", type=path, help="the folder of llama.cpp's converter")
    parser.add_argument("target", type=Path, help="the file to write")


def run(arguments: argparse.Namespace, reporter: Reporter) -> None:
    """Import the converter, wait to hear of a checkpoint, and write."""
    from app.conversion.absent_torch import do_without_torch
    from app.conversion.bridge import vocabulary_of
    from app.conversion.converter_process import import_converter

    # It is at its end before there is much to collect.
    gc.disable()
    do_without_torch()
    import_converter(arguments.converter)
    vocabulary = vocabulary_of(Path(lifeline.receive_beginning()))
    arguments.target.write_bytes(msgspec.msgpack.encode(vocabulary))
    reporter.report(Finished())
