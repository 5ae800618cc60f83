"""Lay out a GGUF file as a source, so that it can be quantized to another level."""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from app.conversion.layout.layout import LaidOutTensor, Layout
from app.conversion.layout.stored_rows import StoredRows
from app.core.errors import AppError, ErrorCode
from app.core.language import tr
from app.gguf_file.header_reader import Header, TensorInfo, read_entries
from app.gguf_file.header_writer import ALIGNMENT
from app.gguf_file.model_info import read_headers
from app.gguf_file.tensor_types import INTEGER_TYPES
from app.gguf_file.validation import require_sane

_OF_SPLIT_FILES = frozenset({"split.no", "split.count", "split.tensors.count"})


def lay_out_gguf(path: Path) -> Layout:
    """Lay out the model in the file `path`, which may be one of its shards.

    Raises:
        AppError: `gguf_damaged` and what `read_headers` raises.
    """
    headers = read_headers(path)
    require_sane(*headers)
    entries = read_entries(headers[0])
    return Layout(
        architecture=headers[0].architecture,
        metadata={key: entry for key, entry in entries.items() if key not in _OF_SPLIT_FILES},
        tensors=tuple(_laid_out(header, tensor) for header in headers for tensor in header.tensors),
    )


def _laid_out(header: Header, tensor: TensorInfo) -> LaidOutTensor:
    if header.alignment != ALIGNMENT:
        reason = tr(
            "its tensors are aligned to {alignment} bytes instead of {expected}",
            alignment=header.alignment,
            expected=ALIGNMENT,
        )
        raise AppError(ErrorCode.GGUF_DAMAGED, file=header.path.name, reason=reason)
    offset = header.data_offset + tensor.offset
    stored = _stored(header.path, offset, tensor)
    return LaidOutTensor(
        name=tensor.name,
        shape=tuple(reversed(tensor.shape)),
        type_number=tensor.type_number,
        size_bytes=tensor.size_bytes,
        load=partial(_read, header.path, offset, tensor.size_bytes),
        stored=stored,
        is_as_stored=bool(stored),
    )


def _stored(path: Path, offset: int, tensor: TensorInfo) -> tuple[StoredRows, ...]:
    width, *outer = tensor.shape
    if not outer or tensor.type_number in INTEGER_TYPES:
        return ()
    return (StoredRows(path, offset, math.prod(outer), width, tensor.type_number),)


def _read(path: Path, offset: int, size_bytes: int) -> npt.NDArray[np.uint8]:
    # Read, not mapped: a file that is cut off meanwhile would end the process.
    content = np.fromfile(path, dtype=np.uint8, count=size_bytes, offset=offset)
    if content.size < size_bytes:
        raise AppError(
            ErrorCode.GGUF_TRUNCATED,
            file=path.name,
            missing_bytes=size_bytes - content.size,
            needed_bytes=offset + size_bytes,
        )
    return content
