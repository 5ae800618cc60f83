"""Read GGUF headers with bounds: no size in a file is trusted beyond the file's own bytes."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from app.core.errors import AppError, ErrorCode, unreadable_file
from app.core.language import tr
from app.gguf_file.bounded_reader import U32, U64, BoundedReader
from app.gguf_file.detection import MAGIC
from app.gguf_file.tensor_types import TENSOR_TYPES, GgmlType

Scalar = str | int | float | bool
Value = Scalar | tuple[Scalar, ...]

_VERSIONS = (2, 3)
_MAX_PAIRS = 10_000
_MAX_TENSORS = 100_000
_MAX_ELEMENTS = 1_000_000
_LONGEST_KEY = 2**16 - 1
_LONGEST_NAME = 63
_LONGEST_KEPT_STRING = 2**20
_LONGEST_KEPT_ARRAY = 64
_MAX_DIMENSIONS = 4
_LARGEST_COUNT = 2**63 - 1
_DEFAULT_ALIGNMENT = 32
_ALIGNMENT = "general.alignment"

UINT16, UINT32, STRING, ARRAY = 2, 4, 8, 9
_SCALARS = {
    0: struct.Struct("<B"),
    1: struct.Struct("<b"),
    2: struct.Struct("<H"),
    3: struct.Struct("<h"),
    4: U32,
    5: struct.Struct("<i"),
    6: struct.Struct("<f"),
    7: struct.Struct("<?"),
    10: U64,
    11: struct.Struct("<q"),
    12: struct.Struct("<d"),
}


class TensorInfo(NamedTuple):
    """A tensor; `shape` in GGUF's order, row length first; `offset` from the data's start."""

    name: str
    shape: tuple[int, ...]
    type_number: int
    type_name: str
    offset: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class ArrayPlace:
    """The position of an array's elements in the file, whether or not they were read."""

    element_type: int
    count: int
    offset: int


@dataclass(frozen=True)
class Header:
    """Everything before the weights. Of long arrays only the position is kept, in `arrays`.

    `entries` are the positions in the file of each metadata entry: key, type and value.
    `tensor_list` are those of the list of tensors, without the padding after it.
    """

    path: Path
    version: int
    metadata: dict[str, Value]
    value_types: dict[str, int]
    arrays: dict[str, ArrayPlace]
    entries: dict[str, range]
    tensors: tuple[TensorInfo, ...]
    tensor_list: range
    data_offset: int
    alignment: int
    size_bytes: int

    @property
    def architecture(self) -> str:
        """llama.cpp's name of the architecture, empty when the file names none."""
        name = self.metadata.get("general.architecture")
        return name if isinstance(name, str) else ""

    def number(self, key: str) -> int:
        """Return the whole number under `ARCHITECTURE.key`, 0 when there is none."""
        value = self.metadata.get(f"{self.architecture}.{key}")
        return value if isinstance(value, int) else 0


def read_header(path: Path) -> Header:
    """Read the header of the GGUF file `path`; `read_array` reads its long arrays.

    Raises:
        AppError: `not_gguf`, `gguf_truncated`, `gguf_damaged`, `file_unreadable`.
    """
    with _opened(path) as source:
        return _parse(source)


def read_beginning(path: Path) -> dict[str, Value]:
    """Return the metadata that the first part of a GGUF file has; long arrays are left out.

    Raises:
        AppError: `not_gguf`, `gguf_damaged`, `file_unreadable`.
    """
    metadata: dict[str, Value] = {}
    with _opened(path) as source:
        try:
            # What comes before the end of the part is kept.
            metadata.update((key, value) for key, value in _pairs(source) if value is not None)
        except AppError as error:
            if error.code is not ErrorCode.GGUF_TRUNCATED:
                raise
    return metadata


def read_array(header: Header, key: str) -> tuple[Scalar, ...]:
    """Return the elements of the array `key`; reads a long one from the file.

    Raises:
        AppError: what `read_header` raises, when the file has changed meanwhile.
        KeyError: when there is no such array.
    """
    place = header.arrays[key]
    known = header.metadata.get(key)
    if isinstance(known, tuple):
        return known
    with _opened(header.path) as source:
        source.skip(place.offset)
        return _read_elements(source, place.element_type, place.count)


def read_entries(header: Header) -> dict[str, bytes]:
    """Return every metadata entry by its key, as stored in the file.

    Raises:
        AppError: what `read_header` raises, when the file has changed meanwhile.
    """
    read = {}
    with _opened(header.path) as source:
        for key, place in header.entries.items():
            source.skip(place.start - source.position)
            read[key] = source.take(len(place))
    return read


def read_strings(header: Header, key: str) -> Iterator[bytes]:
    """Yield the elements of the string array `key` in order, as stored in the file."""
    place = header.arrays[key]
    with _opened(header.path) as source:
        source.skip(place.offset)
        for _ in range(place.count):
            yield source.take_string()


@contextmanager
def _opened(path: Path) -> Iterator[BoundedReader]:
    try:
        if path.exists() and not path.is_file():
            # Opening a named pipe would wait for ever.
            raise AppError(ErrorCode.FILE_UNREADABLE, file=path.name, reason=tr("it is not a file"))
        with path.open("rb", buffering=0) as file:
            yield BoundedReader(file, path)
    except OSError as error:
        raise unreadable_file(path, error) from error


def _parse(source: BoundedReader) -> Header:
    version = _read_version(source)
    tensor_count, pair_count = source.number(U64), source.number(U64)
    if pair_count > _MAX_PAIRS:
        raise source.damaged(
            tr("it claims to have {pair_count} metadata entries", pair_count=pair_count)
        )
    if tensor_count > _MAX_TENSORS:
        raise source.damaged(
            tr("it claims to have {tensor_count} tensors", tensor_count=tensor_count)
        )
    metadata: dict[str, Value] = {}
    value_types: dict[str, int] = {}
    arrays: dict[str, ArrayPlace] = {}
    entries: dict[str, range] = {}
    for _ in range(pair_count):
        start = source.position
        key = _text(source.take_string(_LONGEST_KEY))
        if not key or key in value_types:
            raise source.damaged(tr("the metadata key “{key}” is empty or there twice", key=key))
        value_types[key] = source.number(U32)
        value = _read_value(source, key, value_types[key], arrays)
        if value is not None:
            metadata[key] = value
        entries[key] = range(start, source.position)
    alignment = _alignment(source, metadata, value_types)
    list_start = source.position
    tensors = tuple(_read_tensors(source, tensor_count, alignment))
    data_offset = _padded(source.position, alignment)
    _require_data(source, tensors, data_offset)
    return Header(
        path=source.path,
        version=version,
        metadata=metadata,
        value_types=value_types,
        arrays=arrays,
        entries=entries,
        tensors=tensors,
        tensor_list=range(list_start, source.position),
        data_offset=data_offset,
        alignment=alignment,
        size_bytes=source.size,
    )


def _pairs(source: BoundedReader) -> Iterator[tuple[str, Value | None]]:
    _read_version(source)
    source.number(U64)
    for _ in range(min(source.number(U64), _MAX_PAIRS)):
        key = _text(source.take_string(_LONGEST_KEY))
        yield key, _read_value(source, key, source.number(U32), {})


def _read_version(source: BoundedReader) -> int:
    if source.size < len(MAGIC) or source.take(len(MAGIC)) != MAGIC:
        raise AppError(ErrorCode.NOT_GGUF, file=source.path.name)
    version = source.number(U32)
    if version and not version & 0xFFFF:
        raise source.damaged(tr("it is made for machines with the other byte order"))
    if version not in _VERSIONS:
        raise source.damaged(tr("its format version {version} is not supported", version=version))
    return version


def _read_value(
    source: BoundedReader, key: str, kind: int, arrays: dict[str, ArrayPlace]
) -> Value | None:
    if kind == ARRAY:
        return _read_array(source, key, arrays)
    if kind == STRING:
        return _read_text(source)
    if kind not in _SCALARS:
        raise source.damaged(
            tr("the value of “{key}” has the unknown type {kind}", key=key, kind=kind)
        )
    scalar: Scalar = _SCALARS[kind].unpack(source.take(_SCALARS[kind].size))[0]
    return scalar


def _read_text(source: BoundedReader) -> str | None:
    length = source.number(U64)
    source.require(length)
    if length > _LONGEST_KEPT_STRING:
        source.skip(length)
        return None
    return _text(source.take_text(length))


def _read_array(
    source: BoundedReader, key: str, arrays: dict[str, ArrayPlace]
) -> tuple[Scalar, ...] | None:
    kind, count = source.number(U32), source.number(U64)
    if kind != STRING and kind not in _SCALARS:
        raise source.damaged(
            tr("the array “{key}” has elements of the unknown type {kind}", key=key, kind=kind)
        )
    if count > _MAX_ELEMENTS:
        raise source.damaged(
            tr("the array “{key}” claims to have {count} elements", key=key, count=count)
        )
    size = count * (U64 if kind == STRING else _SCALARS[kind]).size
    source.require(size)
    arrays[key] = ArrayPlace(kind, count, source.position)
    if count <= _LONGEST_KEPT_ARRAY:
        return _read_elements(source, kind, count)
    if kind == STRING:
        source.skip_strings(count)
    else:
        source.skip(size)
    return None


def _read_elements(source: BoundedReader, kind: int, count: int) -> tuple[Scalar, ...]:
    if kind == STRING:
        return tuple(_text(source.take_string()) for _ in range(count))
    code = _SCALARS[kind].format.removeprefix("<")
    return struct.unpack(f"<{count}{code}", source.take(count * _SCALARS[kind].size))


def _alignment(
    source: BoundedReader, metadata: dict[str, Value], value_types: dict[str, int]
) -> int:
    value = metadata.get(_ALIGNMENT, _DEFAULT_ALIGNMENT)
    if value_types.get(_ALIGNMENT, UINT32) != UINT32:
        raise source.damaged(tr("its alignment has the wrong type"))
    if isinstance(value, int) and value.bit_count() == 1:
        return value
    raise source.damaged(tr("its alignment {value} is not a power of two", value=value))


def _read_tensors(source: BoundedReader, count: int, alignment: int) -> Iterator[TensorInfo]:
    names: set[str] = set()
    expected_offset = 0
    for _ in range(count):
        name = _text(source.take_string(_LONGEST_NAME))
        if name in names:
            raise source.damaged(tr("the tensor {name} is there twice", name=name))
        names.add(name)
        tensor = _read_tensor(source, name)
        if tensor.offset != expected_offset:
            raise source.damaged(tr("the tensor {name} is not where it belongs", name=name))
        expected_offset += _padded(tensor.size_bytes, alignment)
        yield tensor


def _read_tensor(source: BoundedReader, name: str) -> TensorInfo:
    dimensions = source.number(U32)
    if dimensions > _MAX_DIMENSIONS:
        raise source.damaged(
            tr("the tensor {name} has {dimensions} dimensions", name=name, dimensions=dimensions)
        )
    shape = tuple(source.number(U64) for _ in range(dimensions))
    type_number, offset = source.number(U32), source.number(U64)
    kind = TENSOR_TYPES.get(type_number)
    if kind is None:
        raise source.damaged(
            tr(
                "the tensor {name} has the unknown type {type_number}",
                name=name,
                type_number=type_number,
            )
        )
    size_bytes = _tensor_bytes(source, name, shape, kind)
    return TensorInfo(name, shape, type_number, kind.name, offset, size_bytes)


def _tensor_bytes(source: BoundedReader, name: str, shape: tuple[int, ...], kind: GgmlType) -> int:
    count = math.prod(shape)
    row = shape[0] if shape else 1
    size_bytes = count // kind.block_size * kind.block_bytes
    if row % kind.block_size or max(count, size_bytes, *shape) > _LARGEST_COUNT:
        raise source.damaged(tr("the tensor {name} has an impossible shape", name=name))
    return size_bytes


def _require_data(source: BoundedReader, tensors: tuple[TensorInfo, ...], data_offset: int) -> None:
    if tensors:
        needed_bytes = data_offset + tensors[-1].offset + tensors[-1].size_bytes
        if needed_bytes > source.size:
            raise source.truncated(needed_bytes)


def _padded(size: int, alignment: int) -> int:
    return (size + alignment - 1) // alignment * alignment


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
