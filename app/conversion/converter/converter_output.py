"""Intercept what llama.cpp's converter writes before it becomes a file.

A model of the converter may leave the writing to another one inside it (conversion/mistral3.py),
or write several files (conversion/bert.py): what is written counts, not what the model holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from app.conversion.converter.lazy_tensors import evaluated, is_as_stored, stored_rows, weights_read
from app.conversion.layout.layout import LaidOutTensor, Layout
from app.core.errors import AppError, ErrorCode, NoticeCode
from app.core.events import NoticeReported
from app.core.language import tr
from app.gguf_file.header_writer import encoded


@contextmanager
def intercepted_writers() -> Iterator[list[Any]]:
    """Collect the writers (`GGUFWriter`) used inside the block; no file is written."""
    from gguf import GGUFWriter

    writers: list[Any] = []

    def catch(writer: Any, path: Path | None = None) -> None:
        del path
        writers.append(writer)

    def skip(*_: Any, **__: Any) -> None:
        return None

    caught = {
        "write_header_to_file": catch,
        "write_kv_data_to_file": skip,
        "write_tensors_to_file": skip,
    }
    usual = {name: getattr(GGUFWriter, name) for name in caught}
    try:
        for name, step in caught.items():
            setattr(GGUFWriter, name, step)
        yield writers
    finally:
        for name, step in usual.items():
            setattr(GGUFWriter, name, step)


def layout_of(writers: list[Any], kind: str, changes: Mapping[str, float] | None = None) -> Layout:
    """Return the layout of the first model to be written, every tensor lazy.

    Args:
        writers: Those that `intercepted_writers` collected.
        kind: Its `general.type`: model, mmproj or adapter.
        changes: Values of its metadata that are to be others.

    Raises:
        AppError: `converter_failed`, when it is of another kind, or there is none.
    """
    found = [writer.kv_data[0]["general.type"].value for writer in writers]
    if found[:1] != [kind]:
        reason = tr(
            "it wrote {written} instead of one file of type {kind}",
            written=", ".join(found) or tr("nothing"),
            kind=kind,
        )
        raise AppError(ErrorCode.CONVERTER_FAILED, reason=reason)
    writer, *others = writers
    # A writer has several of each when it splits a file, which it was not asked for.
    (metadata,), (tensors,) = writer.kv_data, writer.tensors
    for key, value in (changes or {}).items():
        metadata[key].value = value
    return Layout(
        architecture=writer.arch,
        metadata=encoded(metadata),
        tensors=tuple(_laid_out(name, info) for name, info in tensors.items()),
        notices=tuple(_left_out(other) for other in others),
    )


def _left_out(writer: Any) -> NoticeReported:
    return NoticeReported(NoticeCode.CONVERTER_FILE_LEFT_OUT, {"file": Path(writer.path).name})


def _laid_out(name: str, info: Any) -> LaidOutTensor:
    shape = tuple(int(length) for length in info.shape)
    lazy, type_number = [info.tensor], int(info.dtype)
    stored = stored_rows(info.tensor, shape)
    laid_out = LaidOutTensor(
        name=name,
        shape=shape,
        type_number=type_number,
        size_bytes=int(info.nbytes),
        load=lambda: evaluated(lazy.pop(), type_number),
        stored=stored,
        is_as_stored=bool(stored) and is_as_stored(info.tensor, type_number),
        reads=weights_read(info.tensor),
    )
    # From here on only the tensor holds its lazy tree, and releases it once it is loaded.
    info.tensor = None
    return laid_out
