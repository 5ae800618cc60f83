"""The checks of a checkpoint as a person reads them, all of them at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from app.checkpoint.documents import read_document
from app.checkpoint.folder import Checkpoint, Subject, Survey, survey
from app.core.errors import AppError
from app.core.events import Checked
from app.core.sizes import format_bytes

_DOCUMENTS = ("config.json", "tokenizer_config.json")
_NAMED_FILES = 3


def check_files(folder: Path) -> tuple[Checked, ...]:
    """What was found about the files, the weights and the code in `folder`, in this order."""
    try:
        found = survey(folder)
    except AppError as error:
        return (Checked("files", "", error.code, error.facts),)
    return (
        *_faults_or(found, "files", _files(found.checkpoint)),
        *_faults_or(found, "weights", _weights(found.checkpoint)),
        Checked("code", _code(found.checkpoint)),
    )


def _faults_or(found: Survey, subject: Subject, finding: str) -> Iterator[Checked]:
    faults = [fault.error for fault in found.faults if fault.subject == subject]
    for error in faults:
        yield Checked(subject, "", error.code, error.facts)
    if not faults:
        yield Checked(subject, finding)


def _files(checkpoint: Checkpoint) -> str:
    size = format_bytes(checkpoint.size_bytes)
    return f"{_counted(len(checkpoint.files), 'file')}, {size}"


def _weights(checkpoint: Checkpoint) -> str:
    files = _counted(len(checkpoint.weight_files), "safetensors file")
    return f"{files}, {checkpoint.parameters:,} parameters in {checkpoint.dtype}"


def _code(checkpoint: Checkpoint) -> str:
    if checkpoint.python_files:
        named = ", ".join(checkpoint.python_files[:_NAMED_FILES])
        more = len(checkpoint.python_files) - _NAMED_FILES
        tail = f" and {more} more" if more > 0 else ""
        return f"the repository brings Python code ({named}{tail}); it will not be run"
    if any(_asks_for_code(checkpoint.folder / name) for name in _DOCUMENTS):
        return "the configuration asks for Python code (auto_map); it will not be run"
    return "no Python code in the repository"


def _asks_for_code(file: Path) -> bool:
    try:
        return file.is_file() and "auto_map" in read_document(file)
    except AppError:
        return False


def _counted(count: int, noun: str) -> str:
    return f"1 {noun}" if count == 1 else f"{count} {noun}s"
