"""The checks of a checkpoint as a person reads them, all of them at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from app.checkpoint.documents import read_document
from app.checkpoint.inspection import (
    Checkpoint,
    Inspection,
    Subject,
    inspect_checkpoint,
    python_files_in,
)
from app.core.errors import AppError
from app.core.events import Checked
from app.core.sizes import format_bytes

_DOCUMENTS = ("config.json", "tokenizer_config.json")
_NAMED_FILES = 3


def check_files(folder: Path, *, allows_pickle: bool = False) -> tuple[Checked, ...]:
    """What was found about the files, the weights and the code in `folder`, in this order."""
    try:
        found = inspect_checkpoint(folder, allows_pickle=allows_pickle)
    except AppError as error:
        return (Checked("files", "", error.code, error.details),)
    return (
        *_faults_or(found, "files", _files(found.checkpoint)),
        *_faults_or(found, "weights", _weights(found.checkpoint)),
        code_check(folder),
    )


def code_check(folder: Path) -> Checked:
    """Whether code came with the files in `folder`; it is never run."""
    python_files = python_files_in(folder)
    if python_files:
        named = ", ".join(python_files[:_NAMED_FILES])
        more = len(python_files) - _NAMED_FILES
        tail = f" and {more} more" if more > 0 else ""
        return Checked(
            "code", f"the repository brings Python code ({named}{tail}); it will not be run"
        )
    if any(_asks_for_code(folder / name) for name in _DOCUMENTS):
        return Checked(
            "code", "the configuration asks for Python code (auto_map); it will not be run"
        )
    return Checked("code", "no Python code in the repository")


def _faults_or(found: Inspection, subject: Subject, finding: str) -> Iterator[Checked]:
    faults = [fault.error for fault in found.faults if fault.subject == subject]
    for error in faults:
        yield Checked(subject, "", error.code, error.details)
    if not faults:
        yield Checked(subject, finding)


def _files(checkpoint: Checkpoint) -> str:
    size = format_bytes(checkpoint.size_bytes)
    return f"{_counted(len(checkpoint.files), 'file')}, {size}"


def _weights(checkpoint: Checkpoint) -> str:
    if not checkpoint.parameters:
        files = _counted(len(checkpoint.weight_files), "pickle file")
        return f"{files}; nothing in them will be run"
    files = _counted(len(checkpoint.weight_files), "safetensors file")
    return f"{files}, {checkpoint.parameters:,} parameters in {checkpoint.dtype}"


def _asks_for_code(file: Path) -> bool:
    try:
        return file.is_file() and "auto_map" in read_document(file)
    except AppError:
        return False


def _counted(count: int, noun: str) -> str:
    return f"1 {noun}" if count == 1 else f"{count} {noun}s"
