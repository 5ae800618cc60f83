"""Metadata that describes the importance matrix a file was quantized with.

The keys, their order and their types are llama-quantize's (tools/quantize/quantize.cpp).
"""

from __future__ import annotations

from dataclasses import dataclass

from app.gguf_file.header_writer import encoded
from app.native.importance_matrix import ImportanceMatrix

_FILE, _DATASET, _ENTRY_COUNT, _CHUNK_COUNT = (
    "quantize.imatrix.file",
    "quantize.imatrix.dataset",
    "quantize.imatrix.entries_count",
    "quantize.imatrix.chunks_count",
)
_LONGEST_BYTES = 127
"""The bytes that fit into a text of `llama_model_kv_override`."""
_MAX_CHUNKS = 2**31 - 1
"""llama-quantize counts in 32 bits with a sign, and leaves out what is not above 0."""


@dataclass(frozen=True)
class ImportanceMetadata:
    """The record of an importance matrix in a file: file name, first text, and two counts.

    Folders are left out: they reveal details of the user, and a repeated file has the same bytes.
    """

    file: str
    dataset: str | None
    entry_count: int
    chunk_count: int

    def entries(self) -> dict[str, bytes]:
        """Return the entries of a header, in llama-quantize's order."""
        from gguf import GGUFValueType
        from gguf.gguf_writer import GGUFValue

        values = {_FILE: GGUFValue(_cut(self.file), GGUFValueType.STRING)}
        if self.dataset is not None:
            values[_DATASET] = GGUFValue(_cut(self.dataset), GGUFValueType.STRING)
        values[_ENTRY_COUNT] = GGUFValue(self.entry_count, GGUFValueType.UINT32)
        if 0 < self.chunk_count <= _MAX_CHUNKS:
            values[_CHUNK_COUNT] = GGUFValue(self.chunk_count, GGUFValueType.UINT32)
        return encoded(values)


def importance_metadata_of(matrix: ImportanceMatrix, file: str) -> ImportanceMetadata:
    """Return the metadata for a matrix stored in a file with this base name."""
    dataset = next(iter(matrix.datasets), None)
    return ImportanceMetadata(file, dataset, len(matrix.entries), matrix.chunk_count)


def expected_importance_metadata(file: str, dataset: str) -> ImportanceMetadata:
    """Return placeholder metadata as large as that of a matrix yet to be made from a text."""
    return ImportanceMetadata(file, dataset, entry_count=0, chunk_count=1)


def _cut(text: str) -> str:
    """Truncate a text as llama-quantize does, at a character boundary."""
    beginning, _, _ = text.partition("\0")
    return beginning.encode("utf-8", "replace")[:_LONGEST_BYTES].decode("utf-8", "ignore")
