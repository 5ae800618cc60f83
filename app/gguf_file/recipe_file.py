"""Recipes in files: those of GGUF files, and lists of types as llama-quantize reads them.

A list is a text with entries `PATTERN=TYPE`, separated by spaces or line breaks, the format of
llama-quantize's `--tensor-type-file` (`parse_tensor_type_file` in tools/quantize/quantize.cpp).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from app.core.errors import AppError, ErrorCode, unreadable_file
from app.core.files import write_atomically
from app.core.language import tr
from app.gguf_file.detection import MAGIC
from app.gguf_file.model import read_model
from app.gguf_file.tensor_types import TENSOR_TYPES
from app.gguf_file.type_patterns import pattern_error
from app.gguf_file.type_recipe import Recipe, recipe_of

RECIPE_SUFFIX = ".types.txt"
_LARGEST_BYTES = 4 * 2**20
"""Far more than a list with a line for each tensor of a deep model."""
_LONGEST_ENTRY = 80
_TYPES = frozenset(kind.name.lower() for kind in TENSOR_TYPES.values() if kind.can_quantize)


def read_recipe(path: Path) -> Recipe:
    """Read the types of a GGUF file, or a list of types; the content tells which it is.

    Raises:
        AppError: `file_unreadable`, `types_unusable`; for a GGUF file what
            `app.gguf_file.model.read_model` raises.
    """
    content = _beginning_of(path)
    if content.startswith(MAGIC):
        model = read_model(path)
        return recipe_of(tensor for header in model.headers for tensor in header.tensors)
    recipe = tuple(_entries(path, _text_in(path, content)))
    if not recipe:
        raise _unusable(path, tr("it is empty"))
    return recipe


def write_recipe(path: Path, recipe: Recipe) -> None:
    """Write a list of types, one on each line, in place of an existing one.

    Raises:
        AppError: `folder_not_writable`, `disk_full`, `file_busy`.
    """
    write_atomically(path, recipe_text(recipe).encode("utf-8", "replace"))


def recipe_text(recipe: Recipe) -> str:
    """Return a list of types, one on each line."""
    return "".join(f"{pattern}={kind}\n" for pattern, kind in recipe)


def _beginning_of(path: Path) -> bytes:
    """Return the file if it isn't too long for a list, or else more than one may have."""
    try:
        if path.exists() and not path.is_file():
            # Opening a named pipe would wait for ever.
            raise AppError(ErrorCode.FILE_UNREADABLE, file=path.name, reason=tr("it is not a file"))
        with path.open("rb") as file:
            return file.read(_LARGEST_BYTES + 1)
    except OSError as error:
        raise unreadable_file(path, error) from error


def _text_in(path: Path, content: bytes) -> str:
    if b"\0" in content:
        raise _unusable(path, tr("it is not text"))
    if len(content) > _LARGEST_BYTES:
        raise _unusable(path, tr("it is too long for one"))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _unusable(path, tr("it is not UTF-8 text")) from error


def _entries(path: Path, text: str) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(text.splitlines(), start=1):
        for entry in line.split():
            pattern, _, name = entry.rpartition("=")
            if fault := _fault_of(pattern, name):
                shown = entry if len(entry) <= _LONGEST_ENTRY else f"{entry[:_LONGEST_ENTRY]}…"
                where = tr("line {line}, “{entry}”: {fault}", line=number, entry=shown, fault=fault)
                raise _unusable(path, where)
            # As llama-quantize does.
            yield pattern.lower(), name.lower()


def _fault_of(pattern: str, name: str) -> str:
    if not (pattern and name):
        return tr("not in the form PATTERN=TYPE")
    if name.lower() not in _TYPES:
        return tr("ggml can't quantize to a type “{name}”", name=name)
    reason = pattern_error(pattern.lower())
    return tr("not a valid pattern ({reason})", reason=reason) if reason else ""


def _unusable(path: Path, reason: str) -> AppError:
    return AppError(ErrorCode.TYPES_UNUSABLE, file=path.name, reason=reason)
