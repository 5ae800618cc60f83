"""`convert --target-size` and the like: a file of a size, its types chosen by measurement."""

from __future__ import annotations

import argparse
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from app.cli.values import read_text
from app.core.allocation_events import TypesChosen
from app.core.language import tr
from app.core.sizes import GIGABYTE, KILOBYTE, MEGABYTE
from app.jobs.reporter import Reporter

if TYPE_CHECKING:
    from app.allocation.allocation import Allocation
    from app.conversion.pipeline import ConversionRequest

_UNITS = {"": 1, "k": KILOBYTE, "m": MEGABYTE, "g": GIGABYTE, "t": 1000 * GIGABYTE}
_SIZE = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>[kmgt]?)b?", re.IGNORECASE)
_FEWEST_BITS, _MOST_BITS = 1.0, 9.0


def add_target_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments that state a size instead of a level."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "--target-size",
        type=_size,
        metavar="SIZE",
        help=tr(
            "instead of a level: make the best file of at most this size, such as 4.2GB; the type "
            "of every tensor is chosen by measuring how much its errors matter"
        ),
    )
    group.add_argument(
        "--target-bits",
        type=_bits,
        metavar="BITS",
        help=tr("the same for an average number of bits per weight, such as 4.25"),
    )


def has_target(arguments: argparse.Namespace) -> bool:
    """Return whether a size was stated."""
    return bool(arguments.target_size or arguments.target_bits)


def with_chosen_types(
    request: ConversionRequest,
    arguments: argparse.Namespace,
    converter: Path,
    reporter: Reporter,
) -> ConversionRequest:
    """Choose the types for the stated size, and report them.

    Raises:
        AppError: what `allocate` raises.
    """
    from app.allocation.allocation import allocate
    from app.allocation.budget import TargetSize

    target = TargetSize(arguments.target_size, arguments.target_bits)
    text = read_text(arguments.calibration)
    found = allocate(request, target, text, converter, reporter.report)
    file = request.file or request.folder / _file_name(request, found)
    made = replace(request, levels=(found.level,), file=file, choices=found.choices)
    reporter.report(
        TypesChosen(
            target=str(made.target(found.level)),
            level=found.level.name,
            size_bytes=found.size_bytes,
            bits_per_weight=found.bits_per_weight,
            divergence=found.divergence,
            shares=found.shares,
            plain=found.plain,
        )
    )
    return made


def _file_name(request: ConversionRequest, found: Allocation) -> str:
    """Return the usual name with the average bits; its level comes last, as the Hub expects."""
    usual = request.source.file_name(found.level)
    ending = f"-{found.level.name}.gguf"
    return f"{usual.removesuffix(ending)}-{found.bits_per_weight:.2f}bpw{ending}"


def _size(text: str) -> int:
    match = _SIZE.fullmatch(text.strip())
    if match is None or not float(match["number"]):
        raise argparse.ArgumentTypeError(
            tr("“{value}” is no size; give one such as 4.2GB or 800MB", value=text)
        )
    return round(float(match["number"]) * _UNITS[match["unit"].lower()])


def _bits(text: str) -> float:
    try:
        bits = float(text)
    except ValueError:
        bits = 0.0
    if not _FEWEST_BITS <= bits <= _MOST_BITS:
        raise argparse.ArgumentTypeError(
            tr(
                "“{value}” is no number of bits from {least:.0f} to {most:.0f}",
                value=text,
                least=_FEWEST_BITS,
                most=_MOST_BITS,
            )
        )
    return bits
