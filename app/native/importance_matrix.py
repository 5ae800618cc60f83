"""Read and write importance matrices: how much each column of a weight matrix matters.

A column of a matrix counts as much as the values it is multiplied by, squared and averaged over
the tokens of a text. llama.cpp keeps sums and counts in a GGUF file; older versions kept averages
in an older format, with the ending `.dat`.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from app.core.errors import AppError, ErrorCode, unreadable_file
from app.core.files import open_atomically
from app.core.language import tr
from app.gguf_file.header_reader import (
    ARRAY,
    STRING,
    UINT32,
    Header,
    TensorInfo,
    read_array,
    read_header,
)

Floats = npt.NDArray[np.float32]

_MAGIC = b"GGUF"
_VERSION, _ALIGNMENT = 3, 32
_F32 = 0
_DATASETS, _CHUNK_COUNT, _CHUNK_SIZE = (
    "imatrix.datasets",
    "imatrix.chunk_count",
    "imatrix.chunk_size",
)
_SUMS, _COUNTS = ".in_sum2", ".counts"
_MAX_TOKENS = 2**53
_INT32 = struct.Struct("<i")


@dataclass(frozen=True, eq=False)
class Activations:
    """The activations that one weight matrix was multiplied by.

    `sums` holds the sums of squares (experts x width), `counts` the tokens that each expert saw.
    A matrix without experts has one row; several matrices in one tensor share it.
    """

    sums: Floats
    counts: npt.NDArray[np.int64]

    def means(self) -> Floats:
        """Return the mean squares as a flat array; 1 for an expert that saw no tokens."""
        # In float32, as llama-quantize divides: the bytes of the weights depend on it.
        counts = self.counts.astype(np.float32)[:, None]
        means = np.divide(self.sums, counts, out=np.ones_like(self.sums), where=counts > 0)
        return means.reshape(-1)


@dataclass(frozen=True, eq=False)
class ImportanceMatrix:
    """The activations by the names of the weights, such as `blk.0.attn_q.weight`.

    They were gathered over `chunk_count` chunks of `chunk_size` tokens of the texts `datasets`. A
    file of the old format does not state the size (0).
    """

    entries: Mapping[str, Activations]
    chunk_count: int
    chunk_size: int
    datasets: tuple[str, ...] = ()

    def weights_for(self, name: str) -> Floats | None:
        """Return the weights that llama-quantize gives to the columns of the tensor `name`.

        One number for each column of each expert's matrix, one expert after the other (experts x
        width values); None when nothing is known of the tensor.
        """
        activations = self.entries.get(name)
        return None if activations is None else activations.means()


def read_importance_matrix(path: Path) -> ImportanceMatrix:
    """Read a file of either format; sizes it declares are checked against its length.

    Raises:
        AppError: `importance_matrix_damaged`, `file_unreadable`; for a GGUF file also
            `gguf_truncated`, `gguf_damaged`.
    """
    try:
        if path.exists() and not path.is_file():
            # Opening a named pipe would wait for ever.
            raise AppError(ErrorCode.FILE_UNREADABLE, file=path.name, reason=tr("it is not a file"))
        with path.open("rb") as file:
            if file.read(len(_MAGIC)) == _MAGIC:
                return _read_gguf(file, read_header(path))
            file.seek(0)
            return _OldFile(file, path).read()
    except OSError as error:
        raise unreadable_file(path, error) from error


def save_importance_matrix(path: Path, matrix: ImportanceMatrix) -> None:
    """Write llama.cpp's GGUF format, byte for byte as llama-imatrix does.

    Raises:
        AppError: what `app.core.files.open_atomically` raises.
    """
    arrays: dict[str, Floats] = {}
    for name, activations in sorted(matrix.entries.items()):
        arrays[name + _SUMS] = activations.sums
        arrays[name + _COUNTS] = activations.counts.astype(np.float32)[:, None]
    with open_atomically(path) as file:
        header = _header(matrix, arrays)
        file.write(header + bytes(-len(header) % _ALIGNMENT))
        for values in arrays.values():
            file.write(np.ascontiguousarray(values, "<f4").data)
            file.write(bytes(-values.nbytes % _ALIGNMENT))


def _header(matrix: ImportanceMatrix, arrays: Mapping[str, Floats]) -> bytes:
    pairs = (
        _pair("general.type", STRING, _string("imatrix")),
        _pair(_DATASETS, ARRAY, _strings(matrix.datasets)),
        _pair(_CHUNK_COUNT, UINT32, struct.pack("<I", matrix.chunk_count)),
        _pair(_CHUNK_SIZE, UINT32, struct.pack("<I", matrix.chunk_size)),
    )
    head = _MAGIC + struct.pack("<IQQ", _VERSION, len(arrays), len(pairs))
    return b"".join([head, *pairs, *_tensor_list(arrays)])


def _tensor_list(arrays: Mapping[str, Floats]) -> Iterator[bytes]:
    offset = 0
    for name, values in arrays.items():
        rows, width = values.shape
        # ggml leaves out dimensions of 1 at the end.
        shape = (width, rows) if rows > 1 else (width,)
        dimensions = struct.pack(f"<I{len(shape)}Q", len(shape), *shape)
        yield _string(name) + dimensions + struct.pack("<IQ", _F32, offset)
        offset += -(-values.nbytes // _ALIGNMENT) * _ALIGNMENT


def _pair(key: str, kind: int, value: bytes) -> bytes:
    return _string(key) + struct.pack("<I", kind) + value


def _strings(texts: Sequence[str]) -> bytes:
    return struct.pack("<IQ", STRING, len(texts)) + b"".join(map(_string, texts))


def _string(text: str) -> bytes:
    raw = text.encode("utf-8", "replace")
    return struct.pack("<Q", len(raw)) + raw


def _read_gguf(file: BinaryIO, header: Header) -> ImportanceMatrix:
    keys = (_DATASETS, _CHUNK_COUNT, _CHUNK_SIZE)
    if [header.value_types.get(key) for key in keys] != [ARRAY, UINT32, UINT32]:
        raise _damaged(header.path, "it is a GGUF file without the figures of one")
    tensors = {tensor.name: tensor for tensor in header.tensors}
    names = sorted({name.removesuffix(_SUMS).removesuffix(_COUNTS) for name in tensors})
    entries = {}
    for name in names:
        sums, counts = tensors.get(name + _SUMS), tensors.get(name + _COUNTS)
        if sums is None or counts is None:
            raise _damaged(header.path, f"sums or counts of {name} are missing")
        entries[name] = _activations(
            header.path,
            name,
            _read_tensor(file, header, sums),
            _read_tensor(file, header, counts),
        )
    if not entries:
        raise _damaged(header.path, "it is empty")
    if header.arrays[_DATASETS].element_type != STRING:
        raise _damaged(header.path, "its list of texts is not one of names")
    return ImportanceMatrix(
        entries,
        chunk_count=int(header.metadata[_CHUNK_COUNT]),  # type: ignore[arg-type]
        chunk_size=int(header.metadata[_CHUNK_SIZE]),  # type: ignore[arg-type]
        datasets=tuple(str(name) for name in read_array(header, _DATASETS)),
    )


def _read_tensor(file: BinaryIO, header: Header, tensor: TensorInfo) -> Floats:
    if tensor.type_number != _F32:
        raise _damaged(header.path, f"{tensor.name} is not in 32 bits")
    file.seek(header.data_offset + tensor.offset)
    return np.frombuffer(file.read(tensor.size_bytes), "<f4").astype(np.float32)


def _activations(path: Path, name: str, sums: Floats, counts: Floats) -> Activations:
    if not len(counts) or not len(sums) or len(sums) % len(counts):
        raise _damaged(path, f"{name} has {len(sums)} sums for {len(counts)} counts")
    # The smallest of numbers of which one is NaN is NaN, which is not at least 0 either.
    for values, bound in ((sums, np.inf), (counts, _MAX_TOKENS)):
        if not 0 <= values.min() <= values.max() < bound:
            raise _damaged(path, f"{name} has sums or counts that no calibration gives")
    return Activations(sums.reshape(len(counts), -1), np.rint(counts).astype(np.int64))


def _damaged(path: Path, reason: str) -> AppError:
    return AppError(ErrorCode.IMPORTANCE_MATRIX_DAMAGED, file=path.name, reason=reason)


class _OldFile:
    """A file of the old format: for each tensor its name and its averages times a count."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self._file = file
        self._path = path
        self._size = path.stat().st_size

    def read(self) -> ImportanceMatrix:
        count = self._number()
        if count < 1:
            raise self._damaged("it is empty")
        entries: dict[str, Activations] = {}
        for _ in itertools.repeat(None, count):
            name = self._text()
            if name in entries:
                raise self._damaged(tr("{tensor} is in it twice", tensor=name))
            entries[name] = self._averages(name)
        chunk_count = 0
        datasets: tuple[str, ...] = ()
        # The oldest files end here, and llama.cpp takes one that is cut off here as well.
        with suppress(AppError):
            chunk_count = self._number()
            if name := self._text():
                datasets = (name,)
        return ImportanceMatrix(entries, max(0, chunk_count), 0, datasets)

    def _averages(self, name: str) -> Activations:
        calls = self._number()
        length = self._number()
        sums = np.frombuffer(self._take(4 * length), "<f4").astype(np.float32)
        # Without a number of calls these are the averages themselves.
        return _activations(self._path, name, sums, np.array([max(1, calls)], np.float32))

    def _text(self) -> str:
        return self._take(self._number()).decode("utf-8", "replace")

    def _number(self) -> int:
        value: int = _INT32.unpack(self._take(_INT32.size))[0]
        return value

    def _take(self, size: int) -> bytes:
        if not 0 <= size <= self._size - self._file.tell():
            raise self._damaged(tr("it is cut off or not an importance matrix"))
        return self._file.read(size)

    def _damaged(self, reason: str) -> AppError:
        return _damaged(self._path, reason)
