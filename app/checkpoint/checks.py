"""Report the checks of a checkpoint to the user, all at once."""

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
from app.core.language import tr, tr_count
from app.core.sizes import format_bytes

_DOCUMENTS = ("config.json", "tokenizer_config.json")
_NAMED_FILES = 3


def check_files(folder: Path, *, allows_pickle: bool = False) -> tuple[Checked, ...]:
    """Return the findings about the files, the weights and the code in `folder`, in this order."""
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
    """Return the finding about code in `folder`; it is never run."""
    python_files = python_files_in(folder)
    if python_files:
        named = ", ".join(python_files[:_NAMED_FILES])
        more = len(python_files) - _NAMED_FILES
        if more > 0:
            named = tr("{files} and {count} more", files=named, count=more)
        finding = tr("the repository has Python code ({files}); it will not be run", files=named)
        return Checked("code", finding)
    if any(_asks_for_code(folder / name) for name in _DOCUMENTS):
        finding = tr("the configuration needs Python code (auto_map); it will not be run")
        return Checked("code", finding)
    return Checked("code", tr("no Python code in the repository"))


def _faults_or(found: Inspection, subject: Subject, finding: str) -> Iterator[Checked]:
    faults = [fault.error for fault in found.faults if fault.subject == subject]
    for error in faults:
        yield Checked(subject, "", error.code, error.details)
    if not faults:
        yield Checked(subject, finding)


def _files(checkpoint: Checkpoint) -> str:
    size, count = format_bytes(checkpoint.size_bytes), len(checkpoint.files)
    return tr_count("1 file, {size}", "{count} files, {size}", count, size=size)


def _weights(checkpoint: Checkpoint) -> str:
    count = len(checkpoint.weight_files)
    if not checkpoint.parameters:
        if count == 1:
            return tr("1 pickle file; nothing in it will be run")
        return tr("{count} pickle files; nothing in them will be run", count=count)
    numbers = {"parameters": f"{checkpoint.parameters:,}", "type": checkpoint.dtype}
    if count == 1:
        return tr("1 safetensors file, {parameters} parameters in {type}", **numbers)
    return tr(
        "{count} safetensors files, {parameters} parameters in {type}", count=count, **numbers
    )


def _asks_for_code(file: Path) -> bool:
    try:
        return file.is_file() and "auto_map" in read_document(file)
    except AppError:
        return False
