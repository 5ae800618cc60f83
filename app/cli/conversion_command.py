"""The command that made a model, without paths of this machine, for the model's card."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from app.core.allocation_events import FileCompared
from app.core.levels import COPY
from app.gguf_file.model_info import read_model_info
from app.library.conversion_records import ConversionRecord, ConversionRecords
from app.library.download_record import DownloadRecords

_FILES = ("imatrix", "calibration", "types_from", "base")
_WORDS = ("revision", "output_type", "embedding_type")
_SWITCHES = ("correct", "tune", "reference", "mmproj", "allow_pickle", "requantize")


def remember_conversion(
    written: Sequence[Path],
    repository: str,
    source: Path,
    arguments: argparse.Namespace,
    compared: FileCompared | None = None,
) -> None:
    """Record how these files were made from a source.

    Args:
        written: The files.
        repository: That of the source, empty if it is unknown.
        source: The source.
        arguments: The command's.
        compared: The quality of the only file, if it was measured.
    """
    records = ConversionRecords()
    options = tuple(_options(arguments))
    for path in written:
        words = ("gristmill", arguments.verb, repository or source.resolve().name)
        command = (*words, *_goal(path, arguments), *options)
        records.keep(path, ConversionRecord(command, repository, compared))


def source_repository(source: Path) -> str:
    """Return the repository that a checkpoint, an adapter or a file was downloaded from."""
    inside = ("config.json", "adapter_config.json")
    files = [source / name for name in inside] if source.is_dir() else [source]
    records = DownloadRecords()
    return next(filter(None, (records.repository_of(file.absolute()) for file in files)), "")


def _goal(path: Path, arguments: argparse.Namespace) -> tuple[str, str]:
    """Return the flag that states the size or the level of a file."""
    if arguments.target_size or arguments.fits:
        # It fits the machine that it was made for.
        return "--target-size", str(arguments.target_size or path.stat().st_size)
    if arguments.target_bits:
        return "--target-bits", str(arguments.target_bits)
    return "--level", _level_of(path, arguments.level)


def _options(arguments: argparse.Namespace) -> Iterator[str]:
    given = {name: value for name, value in vars(arguments).items() if value}
    for name in (name for name in _WORDS if name in given):
        yield from (_flag(name), given[name])
    for name in (name for name in _FILES if name in given):
        yield from (_flag(name), given[name].name)
    for pattern, kind in arguments.type:
        yield from ("--type", f"{pattern}={kind}")
    yield from (_flag(name) for name in _SWITCHES if name in given)


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _level_of(path: Path, levels: Sequence[str]) -> str:
    """Return the level that a file was made at; a copy states that of its source."""
    level = read_model_info(path).level
    return level if level in levels else levels[0] if len(levels) == 1 else COPY.name
