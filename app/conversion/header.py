"""A GGUF file's beginning: metadata and tensor list, by the converter's own gguf package."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from app.core.errors import AppError, ErrorCode

ALIGNMENT = 32
_BEGINNING = struct.Struct("<4sIQQ")
_MAGIC, _VERSION = b"GGUF", 3
_QUANTIZATION_VERSION_KEY = "general.quantization_version"
_FILE_TYPE_KEY = "general.file_type"


@dataclass(frozen=True)
class PlacedTensor:
    """One entry of the tensor list; the shape with the slowest dimension first."""

    name: str
    shape: tuple[int, ...]
    type_number: int
    size_bytes: int


def padded(size_bytes: int) -> int:
    """The size up to where the next tensor begins."""
    return -(-size_bytes // ALIGNMENT) * ALIGNMENT


def encoded(values: Mapping[str, Any]) -> dict[str, bytes]:
    """Metadata as the converter holds it (GGUFValue by key), each entry as a file holds it.

    Raises:
        AppError: `converter_failed`, for metadata that GGUF has no place for.
    """
    from gguf import GGUFWriter
    from gguf.gguf_writer import WriterState

    entries = {}
    writer = GGUFWriter(None, "")
    for key, value in values.items():
        content = io.BytesIO()
        writer.kv_data, writer.fout, writer.state = [{key: value}], [content], WriterState.HEADER
        try:
            writer.write_kv_data_to_file()
        except (struct.error, TypeError, ValueError, AttributeError) as error:
            reason = f"its metadata can't be written ({error})"
            raise AppError(ErrorCode.CONVERTER_FAILED, reason=reason) from error
        entries[key] = content.getvalue()
    return entries


def metadata_for(metadata: Mapping[str, bytes], ftype: int) -> dict[str, bytes]:
    """The metadata of a quantised file, in the order in which llama_model_quantize leaves it.

    It sets the version and the file type anew, and with that moves them to the end
    (src/llama-quant.cpp, ggml/src/gguf.cpp).
    """
    from gguf import GGML_QUANT_VERSION, GGUFValueType
    from gguf.gguf_writer import GGUFValue

    kept = {
        key: entry
        for key, entry in metadata.items()
        if key not in (_QUANTIZATION_VERSION_KEY, _FILE_TYPE_KEY)
    }
    return kept | encoded(
        {
            _QUANTIZATION_VERSION_KEY: GGUFValue(GGML_QUANT_VERSION, GGUFValueType.UINT32),
            _FILE_TYPE_KEY: GGUFValue(ftype, GGUFValueType.UINT32),
        }
    )


def header_bytes(metadata: Mapping[str, bytes], tensors: Iterable[PlacedTensor]) -> bytes:
    """Everything before the first tensor's weights, padded to the alignment."""
    from gguf import GGMLQuantizationType, GGUFWriter
    from gguf.gguf_writer import TensorInfo, WriterState

    placed = list(tensors)
    content = io.BytesIO()
    content.write(_BEGINNING.pack(_MAGIC, _VERSION, len(placed), len(metadata)))
    content.writelines(metadata.values())
    writer = GGUFWriter(None, "")
    writer.tensors = [
        {
            tensor.name: TensorInfo(
                shape=tensor.shape,
                dtype=GGMLQuantizationType(tensor.type_number),
                nbytes=tensor.size_bytes,
            )
            for tensor in placed
        }
    ]
    writer.fout, writer.state = [content], WriterState.KV_DATA
    writer.write_ti_data_to_file()
    return content.getvalue() + bytes(padded(content.tell()) - content.tell())
